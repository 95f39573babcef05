package stack

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
	"unicode"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/internal/tcp"
	"menuos/stack/wire"
)

// The debugger's view of kernel objects: Linux's field names over Go structs.
// The names follow one rule (snd_nxt is SndNxt); fieldAlias holds the fields
// that Linux keeps elsewhere or under another name.

// fieldAlias maps the C names that the rule does not give, by their last part.
var fieldAlias = map[string]string{
	"skc_daddr": "SkDaddr", "skc_rcv_saddr": "SkRcvSaddr", "skc_dport": "SkDport", "skc_num": "SkNum",
	"skc_family": "SkFamily", "skc_state": "SkState", "skc_reuse": "SkReuse", "skc_reuseport": "SkReuseport",
	"skc_bound_dev_if": "SkBoundDevIf", "skc_prot": "SkProt", "skc_refcnt": "SkRefcnt", "skc_hash": "SkHash",
	"inet_daddr": "SkDaddr", "inet_rcv_saddr": "SkRcvSaddr", "inet_dport": "SkDport", "inet_num": "SkNum",
	"ir_num": "SkNum", "ir_rmt_port": "SkDport", "ir_rmt_addr": "SkDaddr", "ir_loc_addr": "SkRcvSaddr",
	"tw_daddr": "SkDaddr", "tw_rcv_saddr": "SkRcvSaddr", "tw_dport": "SkDport", "tw_num": "SkNum", "tw_family": "SkFamily",
	"rsk_listener": "RskListener", "_skb_refdst": "Dst", "users": "Users", "xmit_more": "XmitMore",
	"snt_isn": "SntIsn", "rcv_isn": "RcvIsn", "tcp_rtx_queue": "TcpRtxQueue", "qlen": "Qlen", "owned": "Owned",
	"rt_dev": "Dev", "name": "Name", "mtu": "Mtu", "ifindex": "Ifindex",
}

// transparent are the C members that only group others: Linux embeds, and so
// does menuos, so that the path may leave them out or name them.
var transparent = map[string]bool{
	"__sk_common": true, "inet_conn": true, "icsk_inet": true, "sk": true, "__req_common": true,
	"req": true, "tw_sk": true, "__tw_common": true, "dst": true,
}

// cToGo is the Go name of a C field by the rule.
func cToGo(name string) string {
	if g, ok := fieldAlias[name]; ok {
		return g
	}
	var b strings.Builder
	for _, part := range strings.Split(strings.Trim(name, "_"), "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}

// goToC is the C name of a Go field by the rule.
func goToC(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) {
			if i > 0 {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// NoMemberError says that a value has no field of the name.
type NoMemberError struct {
	Type, Member string
}

func (e *NoMemberError) Error() string {
	return fmt.Sprintf("There is no member named %s.", e.Member)
}

// gdbError is an error in gdb's own words, capital and full stop included.
type gdbError string

func (e gdbError) Error() string { return string(e) }

// Field follows a path of C field names from a kernel object: Field(sk,
// "sk_state"), Field(icsk, "icsk_ack", "pingpong"). The error is a
// *NoMemberError where there is no such field. It reads live memory: call it
// while the machine is stopped or from a Hook.
func (s *Stack) Field(v any, path ...string) (any, error) {
	for i, name := range path {
		if h, ok := headerField(v, name); ok {
			v = h
			continue
		}
		rv := reflect.ValueOf(v)
		for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
			if rv.IsNil() {
				return nil, gdbError("Cannot access memory at address 0x0")
			}
			rv = rv.Elem()
		}
		if rv.Kind() != reflect.Struct {
			return nil, &NoMemberError{s.TypeName(v), name}
		}
		f := rv.FieldByName(cToGo(name))
		if !f.IsValid() || !f.CanInterface() {
			if transparent[name] && i+1 < len(path) {
				continue
			}
			return nil, &NoMemberError{s.TypeName(v), name}
		}
		v = memberValue(f, cToGo(name))
	}
	return v, nil
}

// networkOrder are the fields that Linux keeps as they stand on the wire.
var networkOrder = map[string]bool{"SkDport": true, "InetSport": true, "TwSport": true}

// memberValue is a field as C's memory holds it: ports and addresses in network
// order, bit fields as numbers, structs by address.
func memberValue(f reflect.Value, name string) any {
	switch {
	case f.Kind() == reflect.Struct && f.CanAddr():
		return f.Addr().Interface()
	case f.Kind() == reflect.Bool:
		if f.Bool() {
			return uint8(1)
		}
		return uint8(0)
	case f.Type() == reflect.TypeFor[wire.Addr]():
		return toBe32(uint32(f.Uint()))
	case networkOrder[name]:
		return toBe16(uint16(f.Uint()))
	}
	return f.Interface()
}

// ours are fields that Linux's structs do not have, or not in this form.
var ours = map[string]bool{"Full": true, "Partial": true, "Cookie": true, "HashNext": true, "HashPrev": true,
	"Hashed": true, "BindNext": true, "BindPrev": true, "ID": true, "List": true,
	"TsortedNext": true, "TsortedPrev": true, "TsortedFirst": true, "TsortedLast": true}

// Fields lists the C field names of a kernel object, those that it inherits
// included.
func (s *Stack) Fields(v any) []string {
	switch v.(type) {
	case wire.TCP:
		return tcphdrFields
	case wire.IPv4:
		return iphdrFields
	}
	rt := reflect.TypeOf(v)
	for rt != nil && rt.Kind() == reflect.Pointer {
		rt = rt.Elem()
	}
	if rt == nil || rt.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for _, f := range reflect.VisibleFields(rt) {
		if f.IsExported() && !f.Anonymous && !ours[f.Name] && f.Type.Kind() != reflect.Func {
			names = append(names, goToC(f.Name))
		}
	}
	sort.Strings(names)
	return names
}

// cTypes are the C types of the objects that arguments point to.
var cTypes = []struct {
	typ  reflect.Type
	name string
}{
	{reflect.TypeFor[*core.Sock](), "struct sock *"},
	{reflect.TypeFor[*core.SockCommon](), "struct sock_common *"},
	{reflect.TypeFor[*core.SkBuff](), "struct sk_buff *"},
	{reflect.TypeFor[*core.NetDevice](), "struct net_device *"},
	{reflect.TypeFor[*core.DstEntry](), "struct dst_entry *"},
	{reflect.TypeFor[*core.Neighbour](), "struct neighbour *"},
	{reflect.TypeFor[*core.Socket](), "struct socket *"},
	{reflect.TypeFor[*core.Msghdr](), "struct msghdr *"},
	{reflect.TypeFor[*core.Net](), "struct net *"},
	{reflect.TypeFor[*core.PacketType](), "struct packet_type *"},
	{reflect.TypeFor[*core.TcpSkbCb](), "struct tcp_skb_cb *"},
	{reflect.TypeFor[*core.SkBuffHead](), "struct sk_buff_head *"},
	{reflect.TypeFor[*core.Proto](), "struct proto *"},
	{reflect.TypeFor[*ipv4.InetSock](), "struct inet_sock *"},
	{reflect.TypeFor[*ipv4.Rtable](), "struct rtable *"},
	{reflect.TypeFor[*tcp.InetConnectionSock](), "struct inet_connection_sock *"},
	{reflect.TypeFor[*tcp.TcpSock](), "struct tcp_sock *"},
	{reflect.TypeFor[*tcp.RequestSock](), "struct request_sock *"},
	{reflect.TypeFor[*tcp.TimewaitSock](), "struct inet_timewait_sock *"},
	{reflect.TypeFor[*tcp.TcpOptionsReceived](), "struct tcp_options_received *"},
	{reflect.TypeFor[*kernel.Timer](), "struct timer_list *"},
	{reflect.TypeFor[*kernel.File](), "struct file *"},
	{reflect.TypeFor[*kernel.Regs](), "struct pt_regs *"},
	{reflect.TypeFor[*kernel.WaitQueueEntry](), "struct wait_queue_entry *"},
	{reflect.TypeFor[wire.TCP](), "struct tcphdr *"},
	{reflect.TypeFor[wire.IPv4](), "struct iphdr *"},
	{reflect.TypeFor[core.Sockaddr](), "struct sockaddr *"},
	{reflect.TypeFor[be16](), "__be16"},
	{reflect.TypeFor[be32](), "__be32"},
}

// TypeName is the C type of a value: "struct sock *", "int", "unsigned char".
func (s *Stack) TypeName(v any) string {
	rt := reflect.TypeOf(v)
	if rt == nil {
		return "void *"
	}
	for _, t := range cTypes {
		if t.typ == rt {
			return t.name
		}
	}
	switch rt.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int32:
		return "int"
	case reflect.Int8:
		return "signed char"
	case reflect.Int16:
		return "short"
	case reflect.Int64:
		return "long"
	case reflect.Uint8:
		return "unsigned char"
	case reflect.Uint16:
		return "unsigned short"
	case reflect.Uint32:
		return "unsigned int"
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return "unsigned long"
	case reflect.Slice:
		return "unsigned char *"
	case reflect.Func:
		return "void (*)()"
	case reflect.Pointer:
		if name := rt.Elem().Name(); name != "" {
			return "struct " + goToC(name) + " *"
		}
		return "struct {...} *"
	case reflect.Struct:
		if rt.Name() == "" {
			return "struct {...}"
		}
		return "struct " + goToC(rt.Name())
	}
	return rt.String()
}

// Var is a variable in a frame: an argument, or one of the locals that Linux's
// code derives from the arguments and that people look at: tp, icsk, inet, th,
// iph, req, tw, dst, rt, dev.
func (s *Stack) Var(f Frame, name string) (any, bool) {
	args := make(map[string]any, len(f.Args))
	for _, a := range f.Args {
		if a.Known {
			args[a.Name] = a.Value
		}
	}
	if v, ok := args[name]; ok {
		return v, true
	}
	sk, _ := args["sk"].(*core.Sock)
	skb, _ := args["skb"].(*core.SkBuff)
	switch name {
	case "tp":
		if tp := tcp.TcpSk(sk); tp != nil {
			return tp, true
		}
	case "icsk":
		if tp := tcp.TcpSk(sk); tp != nil {
			return &tp.InetConnectionSock, true
		}
	case "inet":
		if sk != nil && sk.SkFamily == core.AfInet {
			return ipv4.InetSk(sk), true
		}
	case "th":
		if skb != nil && skb.Head != nil && skb.TransportHeader > 0 && len(skb.Head.B) >= skb.TransportHeader+wire.TCPMinLen {
			return skb.Tcp(), true
		}
	case "iph":
		if skb != nil && skb.Head != nil && len(skb.Head.B) >= skb.NetworkHeader+wire.IPv4MinLen {
			return skb.Ip(), true
		}
	case "dst":
		if skb != nil && skb.Dst != nil {
			return skb.Dst, true
		}
	case "rt":
		if skb != nil && skb.Dst != nil {
			return ipv4.RtableOf(skb.Dst), true
		}
	case "dev":
		if skb != nil && skb.Dev != nil {
			return skb.Dev, true
		}
	case "net":
		return &s.n.Net.Net.Net, true
	case "jiffies":
		return s.n.Jiffies(), true
	}
	return nil, false
}

// Cast views a socket as one of the types that begin with it: "struct tcp_sock
// *", "struct inet_connection_sock *", "struct inet_sock *", "struct sock *".
func (s *Stack) Cast(v any, typ string) (any, error) {
	sk := sockOf(v)
	if sk == nil {
		return nil, gdbError("Invalid cast.")
	}
	switch typ {
	case "struct sock *":
		return sk, nil
	case "struct inet_sock *":
		return ipv4.InetSk(sk), nil
	case "struct inet_connection_sock *", "struct tcp_sock *":
		tp := tcp.TcpSk(sk)
		if tp == nil {
			return nil, gdbError("Invalid cast.")
		}
		if typ == "struct tcp_sock *" {
			return tp, nil
		}
		return &tp.InetConnectionSock, nil
	}
	return nil, gdbError("No struct type named " + strings.TrimSuffix(strings.TrimPrefix(typ, "struct "), " *") + ".")
}

func sockOf(v any) *core.Sock {
	switch o := v.(type) {
	case *core.Sock:
		return o
	case *core.SockCommon:
		return o.Full
	case *ipv4.InetSock:
		return &o.Sock
	case *tcp.InetConnectionSock:
		return &o.Sock
	case *tcp.TcpSock:
		return &o.Sock
	}
	return nil
}
