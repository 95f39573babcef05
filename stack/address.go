package stack

import (
	"reflect"
	"sync"
)

// Read runs fn while the machine stands still, for those who read its live
// objects (Address, Field) beside whoever drives it. fn must not call what
// drives or locks the Stack; that is everything but the debugger's readers.
func (s *Stack) Read(fn func()) {
	s.lock()
	defer s.mu.Unlock()
	fn()
}

// Address is the kernel address that stands for an object. Objects that are
// not allocated one by one get theirs when somebody first asks, and keep it as
// long as they are asked about now and then (see places).
func (s *Stack) Address(v any) (addr uint64, ok bool) {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer && rv.IsNil() {
		return 0, true
	}
	if o, ok := v.(interface{ Kaddr() uint64 }); ok {
		return o.Kaddr(), true
	}
	var key any = v
	switch rv.Kind() {
	case reflect.Pointer:
	case reflect.Slice:
		key = rv.Pointer()
	default:
		return 0, false
	}
	return s.places.of(key), true
}

// places are the addresses that Address has given. The debugger and a screen
// ask at the same time, hence the lock. A screen asks about the arguments of
// each backtrace that it shows, most of which live for one call, so the ones
// that nobody has asked about for long are forgotten.
type places struct {
	mu         sync.Mutex
	young, old map[any]uint64
	given      uint64 // how many
}

const (
	placesKept = 4096 // of young and old each
	firstPlace = 0xffffc90000200000
	placeSize  = 0x100
)

func (p *places) of(key any) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	addr, ok := p.young[key]
	if ok {
		return addr
	}
	if addr, ok = p.old[key]; !ok {
		addr = firstPlace + p.given*placeSize
		p.given++
	}
	if p.young == nil || len(p.young) == placesKept {
		p.young, p.old = make(map[any]uint64), p.young
	}
	p.young[key] = addr
	return addr
}
