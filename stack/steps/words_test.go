package steps

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"menuos/stack"
)

func TestWordsInBothLanguages(t *testing.T) {
	verb := regexp.MustCompile(`%(\[\d\])?[a-z]`)
	for key, w := range words {
		if w.en == "" || w.zh == "" {
			t.Errorf("%s is missing in a language: %+v", key, w)
		}
		en, zh := verb.FindAllString(w.en, -1), verb.FindAllString(w.zh, -1)
		if len(en) != len(zh) {
			t.Errorf("%s has the arguments %v in English, %v in Chinese", key, en, zh)
		}
	}
	if got := say("zh", "no such key"); got != "no such key" {
		t.Errorf("an unknown key says %q", got)
	}
}

// TestReasons reads the stack's source for the reasons that it gives for drops:
// each has words.
func TestReasons(t *testing.T) {
	give := regexp.MustCompile(`(?:\.[dD]rop\(|traceDrop\(sk, skb, )"([^"]+)"`)
	found := make(map[string]bool)
	files, err := filepath.Glob("../internal/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range give.FindAllStringSubmatch(string(src), -1) {
			found[m[1]] = true
			if _, ok := words["reason."+m[1]]; !ok {
				t.Errorf("%s drops for %q, for which there are no words", file, m[1])
			}
		}
	}
	for key := range words {
		if why, ok := strings.CutPrefix(key, "reason."); ok && !found[why] {
			t.Errorf("nothing drops for %q, for which there are words", why)
		}
	}
}

// modelled lists the functions of a machine.
func modelled(t *testing.T) map[string]*stack.Sym {
	s := stack.New(stack.Config{})
	t.Cleanup(s.Close)
	syms := make(map[string]*stack.Sym)
	for _, sym := range s.Syms() {
		syms[sym.Name] = sym
	}
	return syms
}

// TestFunctionNames: every function that the package knows by name is modelled.
func TestFunctionNames(t *testing.T) {
	syms := modelled(t)
	var names []string
	for name := range plumbing {
		names = append(names, name)
	}
	for name := range purges {
		names = append(names, name)
	}
	for name := range firstOf {
		names = append(names, name)
	}
	for _, s := range softirqs {
		names = append(names, s.function)
	}
	for _, name := range names {
		if syms[name] == nil && name != "??" {
			t.Errorf("%s is not modelled", name)
		}
	}
}

// TestLayers: every modelled function outside of kernel/ has a layer of the
// network, and every rule is of use.
func TestLayers(t *testing.T) {
	used := make([]bool, len(byPath))
	for name, sym := range modelled(t) {
		file := strings.TrimPrefix(sym.File, "./")
		i := slices.IndexFunc(byPath, func(l byPathRule) bool { return strings.HasPrefix(file, l.prefix) })
		if i >= 0 {
			used[i] = true
		} else if !strings.HasPrefix(file, "kernel/") && !strings.HasPrefix(file, "include/linux/") {
			t.Errorf("%s (%s) is of no layer", name, sym.File)
		}
	}
	for i, l := range byPath {
		if !used[i] {
			t.Errorf("no function is in %s", l.prefix)
		}
	}
	for _, c := range []struct {
		function, file string
		want           Layer
	}{
		{"??", "", LayerApp},
		{"entry_SYSCALL_compat", "arch/x86/entry/entry_64_compat.S", LayerApp},
		{"do_softirq_own_stack", "arch/x86/entry/entry_64.S", LayerKernel},
		{"inet_stream_connect", "net/ipv4/af_inet.c", LayerSocket},
		{"tcp_v4_rcv", "net/ipv4/tcp_ipv4.c", LayerTCP},
		{"udp_rcv", "net/ipv4/udp.c", LayerUDP},
		{"NF_HOOK", "./include/linux/netfilter.h", LayerIP},
		{"__netif_receive_skb", "net/core/dev.c", LayerDev},
		{"loopback_xmit", "drivers/net/loopback.c", LayerDriver},
		{"__do_softirq", "kernel/softirq.c", LayerKernel},
		{"[runCall]", "", LayerKernel},
	} {
		if got := LayerOf(c.function, c.file); got != c.want {
			t.Errorf("%s (%s) is in layer %s, want %s", c.function, c.file, got, c.want)
		}
	}
}

// TestCallNames takes the system call out of the names of its functions.
func TestCallNames(t *testing.T) {
	for _, c := range []struct{ chain, want string }{
		{"__sys_connect __do_compat_sys_socketcall __se_compat_sys_socketcall __ia32_compat_sys_socketcall do_syscall_32_irqs_on", "connect"},
		{"tcp_sendmsg __sys_sendto __x64_sys_sendto do_syscall_64", "sendto"},
		{"do_sys_poll __ia32_sys_poll do_syscall_32_irqs_on", "poll"},
		{"inet_ioctl __do_compat_sys_ioctl __se_compat_sys_ioctl __ia32_compat_sys_ioctl", "ioctl"},
		{"__compat_sys_recvfrom __do_compat_sys_socketcall", "recvfrom"},
		{"do_syscall_32_irqs_on do_fast_syscall_32", ""},
	} {
		var frames []stack.Frame
		for _, f := range strings.Fields(c.chain) {
			frames = append(frames, stack.Frame{Func: f})
		}
		if got := callName(frames); got != c.want {
			t.Errorf("%s is the system call %q, want %q", c.chain, got, c.want)
		}
	}
}
