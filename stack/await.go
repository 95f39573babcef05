package stack

// How one who owns no part of the machine waits for it, and keeps it still.

import (
	"context"
)

// Await waits without driving the machine until cond holds; it reports false if
// ctx ended or the machine was closed before that. cond is asked at once, and
// again whenever a job has ended, or the machine has stopped, gone on or been
// paused. It gets where the machine is held, nil if it is not, and whether it is
// paused, and must not call the Stack.
func (s *Stack) Await(ctx context.Context, cond func(stop *Stop, paused bool) bool) bool {
	wake := context.AfterFunc(ctx, func() {
		s.lock() // so that the waiter below is either before its look or asleep
		s.changed.Broadcast()
		s.mu.Unlock()
	})
	defer wake()
	s.lock()
	defer s.mu.Unlock()
	for !s.closed && ctx.Err() == nil {
		if cond(s.stopped(), s.paused) {
			return true
		}
		s.changed.Wait()
	}
	return false
}

// SettleContext is Settle until ctx is done. A paused machine runs nothing.
func (s *Stack) SettleContext(ctx context.Context) Outcome {
	o, _ := s.drive(ctx, -1, func() bool { return false })
	return o
}

// Still runs fn while nobody runs the machine, whatever its clock: what a hook
// and fn both use they need not guard. fn may call what does not drive the
// machine; what it lets go on (Continue, Unpause) goes on when fn has returned.
func (s *Stack) Still(fn func()) {
	s.lock()
	s.still++
	s.mu.Unlock()
	defer func() {
		s.lock()
		s.still--
		s.changed.Broadcast()
		s.wakePump()
		s.mu.Unlock()
	}()
	fn()
}
