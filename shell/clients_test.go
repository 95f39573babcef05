package shell

import (
	"strings"
	"testing"
	"time"

	"menuos/stack"
)

// TestClientsTwice: the same seed gives the same session of the clients, byte for
// byte.
func TestClientsTwice(t *testing.T) {
	session := func(seed uint64) string {
		s, out := open(t, Config{Seed: seed})
		return run(t, s, out, "dnsd -v & httpd", "dig github.com", "curl -v www.menuos.test", "nslookup menuos.test",
			"nc -lvu 7000 & echo x | nc -w 1 -u localhost 7000", "nstat", "ss -tanp")
	}
	first := session(1)
	if got := session(1); got != first {
		t.Errorf("two runs of one seed differ:\n%s\n%s", first, got)
	}
	if session(2) == first {
		t.Error("another seed gives the same run: the queries' numbers are not random")
	}
}

// TestClientHeld: a breakpoint holds curl in the midst of its connection; the
// transfer is whole when it goes on.
func TestClientHeld(t *testing.T) {
	s, out := open(t, Config{})
	got := run(t, s, out, "httpd -q", "gdb tbreak tcp_sendmsg", "curl localhost")
	if !s.Held() || !strings.Contains(got, "Temporary breakpoint 1, tcp_sendmsg") {
		t.Fatalf("not held: %s", got)
	}
	if got := run(t, s, out, "curl localhost", "gdb c"); !strings.Contains(got, "curl: the machine is stopped") || !strings.Contains(got, "<h1>menuos</h1>") {
		t.Errorf("after the stop: %s", got)
	}
}

// TestClientsOnRealClock: the clients wait and give up by the host's time, too.
func TestClientsOnRealClock(t *testing.T) {
	s, out := open(t, Config{Clock: stack.ClockReal, Speed: 1000})
	got := run(t, s, out, "httpd -q", "dnsd &", "curl -s www.menuos.test | grep h1", "curl -m 5 192.168.40.9", "dig +time=1 +tries=1 +short @192.168.40.9 x")
	for _, want := range []string{"<h1>menuos</h1>", "curl: (28) Connection timed out after", ";; no servers could be reached"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in: %s", want, got)
		}
	}
}

// TestColumns: the columns of dig's records, which are 8 cells wide.
func TestColumns(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"a.", "a.\t\t\t60\tIN\tA\t1.2.3.4"},
		{"exactly-24-characters.xy.", "exactly-24-characters.xy. 60\tIN\tA\t1.2.3.4"},
		{strings.Repeat("x", 50), strings.Repeat("x", 50) + " 60 IN A 1.2.3.4"},
	} {
		if got := columns(c.name, "60", "IN", "A", "1.2.3.4"); got != c.want {
			t.Errorf("columns of %q: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestNames: where a name's address comes from.
func TestNames(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "echo '10.1.2.3 box Box.test # mine' >> /etc/hosts", "echo 'search x' > /etc/resolv.conf",
		"echo 'nameserver 10.0.0.1' >> /etc/resolv.conf", "echo 'nameserver bad' >> /etc/resolv.conf")
	for name, want := range map[string]string{"box": "10.1.2.3", "BOX.TEST": "10.1.2.3", "1.2.3.4": "1.2.3.4", "mine": "", "localhost": "127.0.0.1", "::1": ""} {
		got := ""
		if a, ok := s.hostOf(name); ok {
			got = a.String()
		}
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := s.nameservers(); len(got) != 1 || got[0].String() != "10.0.0.1:53" {
		t.Errorf("the servers are %v, want 10.0.0.1:53", got)
	}
	run(t, s, out, "echo > /etc/resolv.conf")
	if got := s.nameservers(); len(got) != 1 || got[0].String() != "127.0.0.1:53" {
		t.Errorf("without resolv.conf the servers are %v, want this machine", got)
	}
	began := s.m.Now()
	if got := run(t, s, out, "dns"); !strings.Contains(got, "Temporary failure in name resolution") || s.m.Now()-began > time.Second {
		t.Errorf("dns of a closed port, after %v: %s", s.m.Now()-began, got)
	}
}
