package debug

import (
	"strings"
	"testing"
)

func FuzzExpr(f *testing.F) {
	for _, s := range []string{"sk->sk_state == 10", "(struct tcp_sock *)sk", "tcp_sk(sk)->snd_una + 0x10u", "$$2[1]", "-'a' ? \"x\" : ~1 << 3 >> 70",
		"((((1))))", "sizeof(int)", "*sk", "&*sk", "1 % -1", "(unsigned long)sk"} {
		f.Add(s)
	}
	s := newSession()
	s.line("b tcp_v4_do_rcv")
	s.run()
	f.Fuzz(func(t *testing.T, text string) {
		v, err := s.d.eval(text)
		if err == nil {
			s.d.format(v, formatting{})
			s.d.format(v, formatting{letter: 'x'})
		}
		s.d.Complete("p " + text)
	})
}

func FuzzExec(f *testing.F) {
	for _, s := range []string{"b tcp_v4_rcv if skb->len", "info b 1-", "commands\nbt\nend", "ignore 1 2", "list 1,5\nlist -", "printf \"%-5d%s\", 1, \"x\"",
		"while 1\nc\nend", "display/x 1\nundisplay 1", "enable once 1", "bt full -3", "define f\np $arg0\nend\nf 1", "x/3i $pc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		if strings.Count(script, "while") > 1 || len(script) > 400 {
			t.Skip("loops in loops take their time")
		}
		s := newSession()
		for _, l := range strings.Split(script, "\n") {
			s.finish(s.d.Exec(l, &s.out))
		}
		s.finish(s.d.ExecReader(strings.NewReader(script), "f", &s.out))
	})
}
