package tui

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func TestConsoleIsATerminal(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 24, 6)
	d.sees("MenuOS>>")
	d.c.write("MenuOS>>hello\nsend \"hello\" ")
	d.c.setPrompt("MenuOS>>", true)
	d.sees("MenuOS>>hello", `send "hello"`)
	d.c.write("to 127.0.0.1:5001\nrecv \"hi\"")
	d.sees("MenuOS>>hello", `send "hello" to 127.0.0.`, "1:5001", `recv "hi"`)
	if x, y, ok := d.c.cursor(d.sc); x != 9 || y != 3 || !ok {
		t.Errorf("the cursor stands at %d,%d,%v, not behind the output", x, y, ok)
	}
	d.c.setPrompt("MenuOS>>", false) // begins a line of its own
	d.types("ps")
	d.sees("MenuOS>>hello", `send "hello" to 127.0.0.`, "1:5001", `recv "hi"`, "MenuOS>>ps")
	d.c.write("MenuOS>>ps\n  PID COMMAND\n    1 init\n")
	d.press("enter")
	d.sees("1:5001", `recv "hi"`, "MenuOS>>ps", "  PID COMMAND", "    1 init", "MenuOS>>")
	d.c.setPrompt("> ", false)
	d.h = 1
	d.sees(">")
	if got := d.c.text(d.sc); got != "MenuOS>>hello\nsend \"hello\" to 127.0.0.1:5001\nrecv \"hi\"\nMenuOS>>ps\n  PID COMMAND\n    1 init\n" {
		t.Errorf("the text is %q", got)
	}
}

func TestConsoleTypeAhead(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 30, 8)
	d.types("replyhi")
	d.press("enter")
	d.c.write("MenuOS>>replyhi\nPlease input hello...")
	d.c.setPrompt("MenuOS>>", true)
	d.sees("MenuOS>>replyhi", "Please input hello...")
	d.types("hel")
	d.sees("MenuOS>>replyhi", "Please input hello...hel")
	d.types("lo")
	d.press("enter")
	d.types("ss -tan | grep LISTEN")
	d.sees("MenuOS>>replyhi", "Please input hello...hello", "ss -tan | grep LISTEN")
	d.press("enter", "enter", "ctrl+d")
	d.sees("MenuOS>>replyhi", "Please input hello...hello", "ss -tan | grep LISTEN", "")
	d.wants(submitMsg{paneShell, []string{"replyhi"}}, submitMsg{paneShell, []string{"hello"}}, submitMsg{paneShell, []string{"ss -tan | grep LISTEN"}})
	d.c.write("\nMenuOS>>hello\nsend \"hello\"\n")
	d.sees("MenuOS>>replyhi", "Please input hello...", "MenuOS>>hello", `send "hello"`, "ss -tan | grep LISTEN", "")
	d.c.write("MenuOS>>ss -tan | grep LISTEN\n")
	d.types("q")
	d.sees("MenuOS>>replyhi", "Please input hello...", "MenuOS>>hello", `send "hello"`, "MenuOS>>ss -tan | grep LISTEN", "q")

	// What was typed ahead may never run: an interrupt has dropped it.
	d.press("enter")
	d.c.setPrompt("MenuOS>>", false)
	d.c.setPrompt("MenuOS>>", false)
	d.c.setPrompt("MenuOS>>", true)
	d.sees("MenuOS>>replyhi", "Please input hello...", "MenuOS>>hello", `send "hello"`, "MenuOS>>ss -tan | grep LISTEN", "")

	// With no room behind the open line what is typed has its own.
	d = newTypist(t, paneShell, "en", false, 20, 8)
	d.c.setPrompt("MenuOS>>", true)
	d.c.write("a line of 18 cells")
	d.types("hello")
	d.sees("a line of 18 cells", "hello")
	d.c.clear()
	d.press("ctrl+r")
	d.sees("a line of 18 cells", "(search)`':")
}

// numbered fills a console with n numbered lines.
func numbered(d *typist, n int) {
	for i := range n {
		d.c.write(fmt.Sprintf("line %d\n", i+1))
	}
	d.screen()
}

func TestConsoleScrolls(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 30, 5)
	d.press("pgup", "pgup")
	d.sees("MenuOS>>")
	numbered(d, 20)
	d.sees("line 17", "line 18", "line 19", "line 20", "MenuOS>>")
	d.press("pgdown")
	d.press("pgup")
	d.sees("line 13", "line 14", "line 15", "line 16", "line 17              ↓ 4 more")
	if _, _, ok := d.c.cursor(d.sc); ok {
		t.Error("scrolled back the cursor shows")
	}
	d.c.wheel(d.sc, -3)
	d.sees("line 10", "line 11", "line 12", "line 13", "line 14              ↓ 7 more")
	d.c.write("line 21\nline 22\n") // the position stays
	d.sees("line 10", "line 11", "line 12", "line 13", "line 14              ↓ 9 more")
	d.w = 5 // rewrapped, it stays as well
	d.sees("line", "10", "line", "11", "line↓")
	d.w = 30
	d.sees("line 10", "line 11", "line 12", "line 13", "line 14              ↓ 9 more")
	d.c.wheel(d.sc, 3)
	d.press("pgdown")
	d.sees("line 17", "line 18", "line 19", "line 20", "line 21              ↓ 2 more")
	d.c.wheel(d.sc, 1)
	d.sees("line 18", "line 19", "line 20", "line 21", "line 22              ↓ 1 more")
	d.c.wheel(d.sc, 1)
	d.sees("line 19", "line 20", "line 21", "line 22", "MenuOS>>")
	d.press("ctrl+home")
	d.sees("line 1", "line 2", "line 3", "line 4", "line 5              ↓ 18 more")
	d.press("ctrl+end")
	d.sees("line 19", "line 20", "line 21", "line 22", "MenuOS>>")

	d.press("ctrl+home")
	d.c.wheel(d.sc, -3)
	d.c.click(d.sc, 10, 4, false)
	d.sees("line 1", "line 2", "line 3", "line 4", "line 5              ↓ 18 more")
	d.c.click(d.sc, 25, 4, false) // on the mark
	d.sees("line 19", "line 20", "line 21", "line 22", "MenuOS>>")

	d.press("pgup")
	d.h = 40 // there is room for the end now
	if got := d.screen(); got[0] != "line 1" || got[len(got)-1] != "MenuOS>>" {
		t.Errorf("in a high pane it shows\n%s", strings.Join(got, "\n"))
	}
	d.h = 5
	for _, key := range []string{"x", "up", "left", "enter"} {
		d.press("pgup", key)
		if got := d.screen(); !strings.HasPrefix(got[4], "MenuOS>>") {
			t.Errorf("%s does not come back to the prompt:\n%s", key, strings.Join(got, "\n"))
		}
	}
	d.h = 1
	d.screen()
	d.c.wheel(d.sc, -1)
	d.sees("line 22              ↓ 1 more")
	d.c.wheel(d.sc, -1)
	d.sees("line 21              ↓ 2 more")
}

func TestConsoleActs(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 30, 3)
	numbered(d, 9)
	for _, step := range []struct {
		a    action
		want string
	}{
		{actUp, "line 7"}, {actPageUp, "line 5"}, {actDown, "line 6"}, {actHome, "line 1"}, {actPageDown, "line 3"}, {actEnd, "line 8"},
	} {
		msg, used := d.c.act(d.sc, step.a)
		if got := d.screen()[0]; got != step.want || !used || msg != nil {
			t.Errorf("action %d: the first line is %q, want %q", step.a, got, step.want)
		}
	}
	if _, used := d.c.act(d.sc, actZoom); used {
		t.Error("the console has a use for zoom")
	}
}

// What was typed while a command runs is drawn, and scrolled over, with it.
func TestConsoleScrollsWhileBusy(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 30, 4)
	numbered(d, 9)
	d.c.setPrompt("MenuOS>>", true)
	d.sees("line 7", "line 8", "line 9", "")
	d.c.wheel(d.sc, -1)
	d.sees("line 6", "line 7", "line 8", "line 9               ↓ 1 more")
	d.c.write("open")
	d.types("t") // comes back
	d.sees("line 7", "line 8", "line 9", "opent")
	d.c.wheel(d.sc, -1)
	d.sees("line 6", "line 7", "line 8", "line 9               ↓ 1 more")
	d.c.wheel(d.sc, 1)
	d.sees("line 7", "line 8", "line 9", "opent")
}

func TestScrollbackDrops(t *testing.T) {
	var flood strings.Builder
	for i := range 3*scrollLines + 7 {
		fmt.Fprintf(&flood, "line %d\n", i+1)
	}
	flood.WriteString("open")
	atOnce := newTypist(t, paneShell, "en", false, 40, 4)
	atOnce.c.write("before\nand ")
	piece := newTypist(t, paneShell, "en", false, 40, 4)
	piece.c.write("before\nand ")
	atOnce.c.write(flood.String())
	rng := rand.New(rand.NewPCG(1, 2))
	for s := flood.String(); s != ""; {
		n := min(len(s), 1+rng.IntN(200_000))
		piece.c.write(s[:n])
		s = s[n:]
	}
	for _, d := range []*typist{atOnce, piece} {
		d.sees("line 30006", "line 30007", "open", "MenuOS>>")
		d.press("ctrl+home")
		d.sees("── earlier lines dropped: 20008 ──", "line 20008", "line 20009", "line 20010                  ↓ 9999 more")
		d.c.write("\nmore\n") // two lines more are dropped while one looks at the oldest
		d.sees("── earlier lines dropped: 20010 ──", "line 20010", "line 20011", "line 20012                  ↓ 9998 more")
		if got := strings.Split(d.c.text(d.sc), "\n"); len(got) != textLines+1 || got[0] != "line 28010" || got[textLines-1] != "more" {
			t.Errorf("the text has %d lines from %q to %q", len(got)-1, got[0], got[len(got)-2])
		}
	}
	d := newTypist(t, paneShell, "zh", true, 40, 2)
	d.c.write(flood.String())
	d.press("ctrl+home")
	d.sees("-- 更早的行已丢弃:20007 --", "line 20008              v 还有 10001 行")
}

// However much is printed, the console keeps to its memory.
func TestScrollbackReusesMemory(t *testing.T) {
	var b scrollback
	chunk := strings.Repeat(strings.Repeat("x", 79)+"\n", 1000)
	for range 2*scrollLines/1000 + 1 {
		b.write(chunk)
	}
	if n := testing.AllocsPerRun(20, func() { b.write(chunk) }); n > 0 {
		t.Errorf("a thousand lines more allocate %v times", n)
	}
	b = scrollback{}
	b.write("\r" + strings.Repeat("x", 100_000_000))
	if n := cap(b.open.raw); n > 4*lineLimit {
		t.Errorf("a line without end keeps %d bytes", n)
	}
}

func TestClean(t *testing.T) {
	for _, test := range []struct{ raw, want string }{
		{"plain text", "plain text"},
		{"a\tb", "a       b"},
		{"1234567\tb", "1234567 b"},
		{"12345678\tb", "12345678        b"},
		{"中文\tb", "中文    b"},
		{"\t\tx", "                x"},
		{"text\r", "text"},
		{"12%\r100%", "100%"},
		{"100%\r5%", "5%0%"},
		{"中文字\rab", "ab字"},
		{"a\r\r\rb\r", "b"},
		{"\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3mx\x1b[m", "red x"},
		{"a\x1b]0;title\ab\x1b]52;c;Zm9v\x1b\\c", "abc"},
		{"a\x1b[2J\x1b[Hb\x1bcc", "abc"},
		{"cut \x1b[3", "cut ^[[3"},
		{"lone \x1b", "lone ^["},
		{"\x00\x01\a\b\x7f", "^@^A^G^H^?"},
		{"bad \xff\xc3(", `bad \xff\xc3(`},
		{"c1 \u0085\u009b31m", `c1 \x85\x9b31m`},
		{"raw c1 \x9b31m", `raw c1 \x9b31m`},
		{"日本語 e\u0301 ok", "日本語 e\u0301 ok"},
	} {
		if got := clean([]byte(test.raw)); got != test.want {
			t.Errorf("clean(%q) = %q, want %q", test.raw, got, test.want)
		}
	}
}

func TestScrollbackLongLines(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 60, 4)
	d.c.write(strings.Repeat("x", lineLimit) + "12345\n")
	d.c.write(strings.Repeat("中", lineLimit) + "\nend\n") // not cut amid a character
	lines := d.c.text(d.sc)
	want := strings.Repeat("x", lineLimit) + " [bytes left out: 5]\n" +
		strings.Repeat("中", lineLimit/3) + fmt.Sprintf(" [bytes left out: %d]\nend\n", lineLimit*3-lineLimit/3*3)
	if lines != want {
		t.Errorf("the text is %.40q … %.40q", lines, lines[len(lines)-40:])
	}
	// A line that is drawn over and over is none of these.
	d = newTypist(t, paneShell, "en", false, 60, 4)
	d.c.write("a very long line of a progress display")
	for i := range 5000 {
		d.c.write(fmt.Sprintf("\r%4d%%", i))
	}
	d.sees("4999%y long line of a progress display", "MenuOS>>")
	var all strings.Builder // the same at once: only its end counts
	for i := range 5000 {
		fmt.Fprintf(&all, "\r%4d%%", i)
	}
	d.c.back = scrollback{}
	d.c.write("12345678" + all.String())
	d.sees("4999%", "MenuOS>>")
	// Nor is a character lost that comes in two parts.
	d = newTypist(t, paneShell, "en", false, 60, 4)
	for i, c := range []byte("中\x1b[1m文\x1b[m") {
		d.c.write(string([]byte{c}))
		if i == 1 {
			d.sees("", "MenuOS>>")
		}
	}
	d.sees("中文", "MenuOS>>")
}

// The inks of output: prompts, the numbers and functions of frames, and nothing
// else; a function's name keeps its ink over the end of a row.
func TestHighlight(t *testing.T) {
	l := newLook("dark", "en", false)
	for _, test := range []struct{ line, number, name, prompt string }{
		{"MenuOS>>hello", "", "", "MenuOS>>"},
		{"(gdb) bt", "", "", "(gdb) "},
		{"#0  tcp_v4_rcv (skb=0xffff88800680ac80) at net/ipv4/tcp_ipv4.c:1782", "#0", "tcp_v4_rcv", ""},
		{"#12 0xffffffff81673cbd in napi_poll (napi=0xffffc90000200200) at net/core/dev.c:6346", "#12", "napi_poll", ""},
		{"#41 0x00000000f7fd0549 in ?? ()", "#41", "??", ""},
		{"#5 is no frame", "", "", ""},
		{"#5 nor is this (here)", "", "", ""},
		{"# 5 x (", "", "", ""},
		{"#5", "", "", ""},
		{"say #0  f ()", "", "", ""},
	} {
		got := map[ink]string{}
		for _, sp := range highlight(l, test.line) {
			got[sp.ink] = test.line[sp.from:sp.to]
		}
		if got[l.ink.number] != test.number || got[l.ink.bold] != test.name || got[l.ink.prompt] != test.prompt {
			t.Errorf("%s: number %q, function %q, prompt %q", test.line, got[l.ink.number], got[l.ink.bold], got[l.ink.prompt])
		}
	}
	var b scrollback
	b.write("#28 __tcp_transmit_skb (sk=0xffff88800680a1c0)\n")
	line := b.line(l, 0)
	rows := line.rows(12)
	for i, want := range []string{l.ink.number.on("#28") + " " + l.ink.bold.on("__tcp_tr"), l.ink.bold.on("ansmit_skb") + " ("} {
		if got := line.row(rows, i); got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
}

// consoleScenes are consoles in all their states.
func consoleScenes(t testing.TB, lang string, ascii bool) map[string]*typist {
	scenes := make(map[string]*typist)
	make := func(name string, id paneID) *typist {
		d := newTypist(t, id, lang, ascii, 80, 24, "hello --host 10.9.9.9", "ss -tan", "hello")
		scenes[name] = d
		return d
	}
	make("empty", paneShell)
	d := make("long", paneShell)
	numbered(d, scrollLines+300)
	d.types("一条很长很长的命令 with words of both kinds, longer than the pane is wide, 好的")
	d = make("away", paneShell)
	numbered(d, 300)
	d.c.write("欢迎使用 MenuOS:输入 help 查看命令,输入 replyhi 启动服务器,再输入 hello 连接它。\n")
	d.press("pgup")
	d = make("busy", paneShell)
	d.c.setPrompt("MenuOS>>", true)
	d.c.write("Please input hello...\nand 中文 until")
	d.types("ahead")
	d.press("enter")
	d.types("and more ahead")
	d = make("menu", paneGdb)
	d.c.write("(gdb) \n")
	d.types("b tc")
	d.finish("tcp_ack", "tcp_close", "tcp_connect", "tcp_data_queue", "tcp_rcv_established", "tcp_v4_rcv", "tcp_v4_do_rcv", "tc中文")
	d.press("tab")
	d = make("search", paneShell)
	d.press("ctrl+r", "h", "o", "s", "t")
	return scenes
}

func TestConsoleSizes(t *testing.T) {
	for _, l := range []struct {
		lang  string
		ascii bool
	}{{"en", false}, {"zh", true}} {
		for name, d := range consoleScenes(t, l.lang, l.ascii) {
			for w := 0; w <= 90; w += sizeStep(w) {
				for h := 0; h <= 40; h += sizeStep(h) {
					d.w, d.h = w, h
					if d.screen(); t.Failed() {
						t.Fatalf("%s at %d×%d", name, w, h)
					}
				}
			}
		}
	}
}

func TestConsoleGoldens(t *testing.T) {
	frames := "(gdb) bt 3\n#0  tcp_v4_rcv (skb=0xffff88800680ac80) at net/ipv4/tcp_ipv4.c:1782\n" +
		"#1  0xffffffff816d8685 in ip_protocol_deliver_rcu (net=0xffffc90000200000, skb=0xffff88800680ac80, protocol=6) at net/ipv4/ip_input.c:208\n" +
		"#2  0xffffffff816d87d9 in ip_local_deliver_finish (net=0xffffc90000200000, sk=0x0, skb=0xffff88800680ac80) at net/ipv4/ip_input.c:234\n" +
		"(More stack frames follow...)\n"
	d := newTypist(t, paneGdb, "en", false, 64, 9)
	d.c.write(frames)
	goldenPane(t, "console-gdb", d.c, d.sc, 64, 12)

	zh := newTypist(t, paneShell, "zh", false, 30, 9)
	zh.c.write("MenuOS>>hello --host 10.9.9.9\nhello: 10.9.9.9:5001: Connection timed out (ETIMEDOUT)\n  没有收到应答:所有的 SYN 都丢失了,内核重传了六次才放弃。\n")
	zh.types("echo 你好,世界")
	goldenPane(t, "console-zh", zh.c, zh.sc, 30, 9)
	goldenPane(t, "console-zh-narrow", zh.c, zh.sc, 17, 14)
	zh.h = 4
	zh.screen()
	zh.press("pgup")
	goldenPane(t, "console-zh-away", zh.c, zh.sc, 30, 4)
}

// Whatever is printed and typed, at whatever size: the console keeps to its room.
func FuzzConsole(f *testing.F) {
	f.Add([]byte("MenuOS>>hello\nsend\t\"hello\"\r\n中文\x1b[31m\xff"), "ls 中", uint8(20), uint8(5))
	f.Add([]byte("#0  tcp_v4_rcv (skb=0x1)\n\x1b]0;t\a\u200d\u0301\U0001F1E6\n\U0001F1E8"), "\U0001F468\u200d\U0001F469 e\u0301", uint8(3), uint8(2))
	f.Add([]byte("1\ufe0f\u20e3\n☺\ufe0f☺\ufe0f"), "☺\ufe0f☺\ufe0f", uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, out []byte, typed string, w, h uint8) {
		for _, lang := range []string{"en", "zh"} {
			d := newTypist(t, paneShell, lang, lang == "zh", int(w), int(h), "hello", typed)
			half := len(out) / 2
			d.c.write(string(out[:half]))
			d.screen()
			d.c.write(string(out[half:]))
			d.c.paste(d.sc, typed)
			d.press("left", "ctrl+w", "up", "pgup")
			d.c.setPrompt("MenuOS>>", true)
			d.screen()
			d.press("ctrl+r", "h", "backspace", "esc")
			d.c.prompt.set("x", "")
			d.press("tab")
			d.answer("", "x"+typed, "xy")
			d.press("tab")
			d.w, d.h = d.h, d.w
			d.press("tab", "pgup")
			if s := clean(out); ansi.Strip(s) != s || !utf8.ValidString(s) {
				t.Errorf("%q was cleaned to %q", out, s)
			}
		}
	})
}

func BenchmarkConsoleFlood(b *testing.B) {
	c := newConsole(paneShell, nil)
	chunk := strings.Repeat(strings.Repeat("0123456789 ", 7)+"\n", 1000)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		c.write(chunk)
	}
}

func BenchmarkConsoleDraw(b *testing.B) {
	d := newTypist(b, paneShell, "en", false, 80, 50)
	numbered(d, scrollLines)
	for b.Loop() {
		d.c.draw(d.sc, 80, 50)
	}
}
