package shell

// What a command waits for, in a phrase.

import (
	"strings"
	"time"

	"menuos/stack"
)

// WaitsFor says in a phrase what a process waits for, from a snapshot alone:
// "accept on 127.0.0.1:5001", "SYN-ACK from 10.9.9.9:5001 (SYN sent 3 times)",
// "recv from 127.0.0.1:5001", "sleep 1.3s" (what is left of it). It is "" if the
// process does not sleep, or if a breakpoint holds the machine.
func WaitsFor(snap *stack.Snapshot, pid int, lang string) string {
	if snap.Stopped != nil {
		return ""
	}
	for _, t := range snap.Tasks {
		if t.Pid != pid {
			continue
		}
		if t.State == "R" {
			return ""
		}
		if k := waitedSock(snap, &t); k != nil {
			return waitsOn(k, lang)
		}
	}
	for _, t := range snap.Timers {
		if t.Task == pid && pid != 0 {
			return message(lang, "waitsSleep", roughly(t.Left))
		}
	}
	return ""
}

// waitedSock guesses which of its sockets a process waits at: the listener if it
// sleeps in accept, else the one that it opened last; a listener only if it has
// nothing else.
func waitedSock(snap *stack.Snapshot, t *stack.TaskInfo) *stack.SockInfo {
	inAccept := strings.HasPrefix(t.Waits, "inet_csk_")
	var found *stack.SockInfo
	fd, listens := -1, false
	for i := range snap.Socks {
		k := &snap.Socks[i]
		for _, u := range k.Users {
			if u.Pid != t.Pid || k.Netid == "tcp" && k.State == "UNCONN" {
				continue
			}
			l := k.State == "LISTEN"
			if found == nil || l == listens && u.Fd > fd || l != listens && l == inAccept {
				found, fd, listens = k, u.Fd, l
			}
		}
	}
	return found
}

// waitsOn is what one who sleeps at a socket waits for.
func waitsOn(k *stack.SockInfo, lang string) string {
	switch {
	case k.State == "LISTEN":
		return message(lang, "waitsAccept", k.Local)
	case k.State == "SYN-SENT":
		if k.Timer == nil || k.Timer.Retrans == 0 {
			return message(lang, "waitsSynAck", k.Peer)
		}
		return message(lang, "waitsSynAcks", k.Peer, k.Timer.Retrans+1)
	case k.Netid != "tcp" && (!k.Peer.IsValid() || k.Peer.Port() == 0):
		return message(lang, "waitsRecvOn", hostPort(k, true))
	case k.Netid == "tcp" && k.SendQ > 0 && k.Mem.WmemQueued >= k.Mem.Sndbuf:
		return message(lang, "waitsSend", k.Peer, k.SendQ)
	}
	return message(lang, "waitsRecv", k.Peer)
}

// roughly is a time as a person reads it while it runs down.
func roughly(d time.Duration) string {
	unit := 100 * time.Millisecond
	if d >= 10*time.Second {
		unit = time.Second
	}
	return ((d + unit - 1) / unit * unit).String()
}

// WaitsFor says what the foreground command waits for, "" if nothing is known or
// there is none. It may be called from any goroutine.
func (s *Session) WaitsFor() string {
	pid := s.ForegroundPid()
	if pid == 0 {
		return ""
	}
	return WaitsFor(s.m.Snapshot(), pid, s.cfg.Lang)
}
