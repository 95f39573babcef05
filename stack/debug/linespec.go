// What stands behind break: a function's name, an older name for it, FILE:LINE.

package debug

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"menuos/stack"
)

// aliases are names by which documents call functions that this kernel calls
// otherwise. The laboratory's program is 32-bit: its calls enter by socketcall.
var aliases = map[string]string{
	"sys_socketcall":        "__ia32_compat_sys_socketcall",
	"compat_sys_socketcall": "__ia32_compat_sys_socketcall",
	"SyS_socketcall":        "__ia32_compat_sys_socketcall",
	"sys_accept":            "__sys_accept4",
	"sys_accept4":           "__sys_accept4",
	"sys_send":              "__sys_sendto",
	"sys_recv":              "__sys_recvfrom",
	"sys_close":             "__close_fd",
}

// bootFunctions ran before the prompt appeared.
var bootFunctions = strings.Fields(`start_kernel rest_init kernel_init
	kernel_init_freeable do_basic_setup do_initcalls do_one_initcall setup_arch
	sched_init trap_init x86_64_start_kernel startup_64 cpu_startup_entry
	sock_init net_init net_dev_init inet_init ip_init tcp_init tcp_v4_init
	udp_init udplite4_register icmp_init arp_init ip_rt_init ip_fib_init
	inet_initpeers proto_init proto_register sock_register inet_register_protosw
	inet_add_protocol dev_add_pack loopback_net_init loopback_setup
	net_ns_init setup_net netlink_proto_init tcp_metrics_init init_inet_pernet_ops`)

// notDefined is an error that gdb does not count as one when a file asks for
// it; the rest of the file still runs.
type notDefined struct{ error }

func (e notDefined) Unwrap() error { return e.error }

// errBooted tells cmdBreak that the function has had its time.
var errBooted = errors.New("booted")

// resolve finds the functions that a location names. The note says which alias
// was followed.
func (d *Debugger) resolve(spec string) (syms []*stack.Sym, note string, err error) {
	if strings.HasPrefix(spec, "*") {
		return nil, "", errors.New(d.msg("noAddress"))
	}
	if file, line, ok := strings.Cut(spec, ":"); ok {
		return d.resolveLine(file, line)
	}
	if syms = d.named(spec); syms != nil {
		return syms, "", nil
	}
	if real := d.alias(spec); real != "" {
		return d.named(real), d.msg("alias", spec, real), nil
	}
	if slices.Contains(bootFunctions, spec) {
		return nil, "", errBooted
	}
	err = fmt.Errorf("Function \"%s\" not defined.", spec)
	return nil, "", notDefined{d.meant(err, spec, d.funcNames())}
}

// named are the places of a function: one, unless the name is used twice.
func (d *Debugger) named(name string) []*stack.Sym {
	first := d.t.Lookup(name)
	if first == nil {
		return nil
	}
	syms := []*stack.Sym{first}
	for _, s := range d.t.Syms() {
		if s.Name == name && s != first {
			syms = append(syms, s)
		}
	}
	return syms
}

// alias is the modelled function that another name stands for, or "".
func (d *Debugger) alias(name string) string {
	if real := aliases[name]; real != "" && d.t.Lookup(real) != nil {
		return real
	}
	for _, prefix := range []string{"sys_", "SyS_", "__x64_sys_", "__ia32_sys_", "__do_sys_", "__se_sys_"} {
		call, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		for _, p := range []string{"__sys_", "__ia32_compat_sys_", "__ia32_sys_", "__do_sys_"} {
			if p+call != name && d.t.Lookup(p+call) != nil {
				return p + call
			}
		}
		if real := aliases["sys_"+call]; real != "" && d.t.Lookup(real) != nil {
			return real
		}
	}
	return ""
}

func (d *Debugger) resolveLine(file, line string) ([]*stack.Sym, string, error) {
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		if syms := d.named(line); syms != nil && inFile(syms[0], file) {
			return syms[:1], "", nil
		}
		return nil, "", notDefined{fmt.Errorf("Function \"%s\" not defined in \"%s\".", line, file)}
	}
	var in, at []*stack.Sym
	for _, s := range d.t.Syms() {
		if !inFile(s, file) {
			continue
		}
		in = append(in, s)
		if s.Line == n {
			at = append(at, s)
		}
	}
	if len(in) == 0 {
		return nil, "", notDefined{fmt.Errorf("No source file named %s.", file)}
	}
	if len(at) == 0 {
		return nil, "", fmt.Errorf("No line %d in file \"%s\".\n%s", n, file, d.msg("entriesOnly", nearLines(in, n)))
	}
	return at, "", nil
}

func inFile(s *stack.Sym, file string) bool {
	file = strings.TrimPrefix(file, "./")
	return s.File == file || strings.HasSuffix(s.File, "/"+file)
}

// nearLines names the two entries around a line.
func nearLines(syms []*stack.Sym, n int) string {
	slices.SortStableFunc(syms, func(a, b *stack.Sym) int { return abs(a.Line-n) - abs(b.Line-n) })
	var out []string
	for _, s := range syms[:min(2, len(syms))] {
		out = append(out, fmt.Sprintf("%d (%s)", s.Line, s.Name))
	}
	return strings.Join(out, ", ")
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// shownFile is a file as gdb prints it: headers are found through -I./include.
func shownFile(file string) string {
	if strings.HasSuffix(file, ".h") && (strings.HasPrefix(file, "include/") || strings.HasPrefix(file, "arch/")) {
		return "./" + file
	}
	return file
}
