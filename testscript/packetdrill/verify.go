package packetdrill

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"menuos/stack/wire"
)

// differ says in what an outbound packet, in the script's numbers, differs from
// what the script expects; "" if in nothing that matters.
func (r *runner) differ(k *Packet, ip wire.IPv4) string {
	if s := differTOS(k, ip); s != "" {
		return s
	}
	var proto uint8
	switch {
	case k.TCP != nil:
		proto = wire.ProtoTCP
	case k.UDP != nil:
		proto = wire.ProtoUDP
	default:
		proto = wire.ProtoICMP
	}
	if ip.Protocol() != proto {
		return fmt.Sprintf("protocol is %d and not %d", ip.Protocol(), proto)
	}
	if len(ip.Options()) > 0 {
		return "there are IP options"
	}
	switch {
	case k.UDP != nil:
		if n := len(ip.Payload()) - wire.UDPLen; n != k.UDP.Len {
			return fmt.Sprintf("payload is %d and not %d", n, k.UDP.Len)
		}
	case k.ICMP != nil:
		m := wire.ICMPv4(ip.Payload())
		if m.Check() != nil || m.Type() != k.ICMP.Type || m.Code() != k.ICMP.Code {
			return "type or code is another"
		}
	default:
		return r.differTCP(k.TCP, frame{pkt: ip}.tcp())
	}
	return ""
}

func differTOS(k *Packet, ip wire.IPv4) string {
	ecn := ip.TOS() & 3
	switch {
	case k.TOSCheck == TOSECN && ecn != k.TOS:
		return fmt.Sprintf("ECN bits are %d and not %d", ecn, k.TOS)
	case k.TOSCheck == TOSECT01 && ecn != 1 && ecn != 2:
		return fmt.Sprintf("ECN bits are %d and not 1 or 2", ecn)
	case k.TOSCheck == TOSWhole && ip.TOS() != k.TOS:
		return fmt.Sprintf("TOS is %#x and not %#x", ip.TOS(), k.TOS)
	case k.TTL != 0 && ip.TTL() != k.TTL:
		return fmt.Sprintf("TTL is %d and not %d", ip.TTL(), k.TTL)
	}
	return ""
}

func (r *runner) differTCP(t *TCPSpec, th wire.TCP) string {
	if th == nil {
		return "the TCP header is malformed"
	}
	flags := uint16(th.Flags()) | uint16(th[12]&1)<<8
	for _, f := range []struct {
		name      string
		got, want uint32
		ignore    bool
	}{
		{"payload", uint32(len(th.Payload())), uint32(t.Len), false},
		{"sequence number", th.Seq(), t.Seq, false},
		{"acknowledgment", th.Ack(), t.Ack, false},
		{"window", uint32(th.Window()), uint32(t.Win), t.Win < 0},
		{"urgent pointer", uint32(th.Urgent()), uint32(t.Urg), false},
	} {
		if f.got != f.want && !f.ignore {
			return fmt.Sprintf("%s is %d and not %d", f.name, f.got, f.want)
		}
	}
	want := t.Flags
	if r.opt.AnyPush {
		flags |= flagPSH
		want |= flagPSH
	}
	if flags != want {
		return fmt.Sprintf("flags are %q and not %q", flagString(flags), flagString(t.Flags))
	}
	for _, c := range th.Payload() {
		if c != 0 {
			if r.wroteText {
				break
			}
			return "payload is not what was written"
		}
	}
	if t.AnyOptions {
		return ""
	}
	return r.differOptions(t.Options, th.Options())
}

func (r *runner) differOptions(want, got []byte) string {
	for len(want) > 0 || len(got) > 0 {
		if len(want) == 0 || len(got) == 0 {
			return "there are other TCP options"
		}
		wk, wd, wrest, werr := wire.NextOption(want)
		gk, gd, grest, gerr := wire.NextOption(got)
		if werr != nil || gerr != nil || wk != gk {
			return "there are other TCP options"
		}
		want, got = wrest, grest
		if wk == optTimestamp && len(wd) == 8 && len(gd) == 8 {
			tick := r.cfg.tsTick
			d := time.Duration(int32(binary.BigEndian.Uint32(gd) - binary.BigEndian.Uint32(wd)))
			if tol := r.tolerance(r.ev.from); tick > 0 && (d*tick > tol || -d*tick > tol) {
				return fmt.Sprintf("TS val is off by %d", d)
			}
			continue
		}
		if !bytes.Equal(wd, gd) {
			return fmt.Sprintf("TCP option %d is another", wk)
		}
	}
	return ""
}

func flagString(flags uint16) string {
	var b strings.Builder
	for _, c := range "FSRPEWAU." {
		if flags&flagLetters[c] != 0 {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// tolerance is how far off a moment may be that comes after a pause of delta.
func (r *runner) tolerance(delta time.Duration) time.Duration {
	return max(r.cfg.tolerance, time.Duration(float64(delta)*r.cfg.percent/100))
}

// checkTime compares when an event happened, at, with when the script has it.
func (r *runner) checkTime(what string, kind TimeKind, from, to, at time.Duration) error {
	if kind == AnyTime {
		return nil
	}
	if kind != AbsoluteRange && kind != RelativeRange {
		to = from
	}
	delta := from
	if r.last != nil {
		delta = from - r.last.from
	}
	tol := r.tolerance(delta)
	if at >= from-tol && at <= to+tol {
		return nil
	}
	span := seconds(from)
	if to != from {
		span += "~" + seconds(to)
	}
	return &Error{What: fmt.Sprintf("%s at another time (tolerance %s)", what, seconds(tol)), Expected: span, Actual: seconds(at)}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
