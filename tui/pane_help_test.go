package tui

import (
	"strings"
	"testing"
)

func helpScene(lang string, ascii bool, about paneID) *scene {
	return &scene{look: goldenLook(lang, ascii), live: true, rec: new(record), helpFor: about}
}

func TestHelpGolden(t *testing.T) {
	goldenPane(t, "help_en_78", new(helpPane), helpScene("en", false, paneBacktrace), 78, 200)
	goldenPane(t, "help_en_44", new(helpPane), helpScene("en", true, paneShell), 44, 60)
	goldenPane(t, "help_zh_78", new(helpPane), helpScene("zh", false, paneSteps), 78, 200)
}

// TestHelpHasEveryKey holds that the help, and the README's table, show each row
// of the key table.
func TestHelpHasEveryKey(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		sc := helpScene(lang, false, paneNone)
		shown := strings.Join(plain(new(helpPane).draw(sc, 300, 1000)), "\n")
		table := helpTable(lang)
		for i := range bindings {
			for _, key := range keysShown(&bindings[i]) {
				if !strings.Contains(shown, key) || !strings.Contains(table, "`"+key+"`") {
					t.Errorf("%s: the key %s is not in the help and its table", lang, key)
				}
			}
		}
		for g := range helpGroups {
			for _, row := range keyRows(g) {
				if text := row.help.in(lang); !strings.Contains(shown, text) || !strings.Contains(table, text) {
					t.Errorf("%s: %q is not in the help and its table", lang, text)
				}
			}
		}
	}
}

// TestHelpOfEachPane holds that every pane has its own beginning.
func TestHelpOfEachPane(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		for id := paneShell; id < paneHelp; id++ {
			lines := plain(new(helpPane).draw(helpScene(lang, false, id), 100, 5))
			if name := words["pane."+string(rune('0'+int(id)))].in(lang); lines[0] != name {
				t.Errorf("%s: the help about pane %d begins %q, want %q", lang, id, lines[0], name)
			}
			if len(lines) < 2 || cells(lines[1]) < 20 {
				t.Errorf("%s: the help says nothing about pane %d: %q", lang, id, lines)
			}
		}
	}
}

func TestHelpRunsKeys(t *testing.T) {
	sc := helpScene("en", false, paneBacktrace)
	p := new(helpPane)
	p.draw(sc, 78, 20)
	if msg, used := p.act(sc, actEnter); used {
		t.Errorf("Enter with nothing selected sends %v", msg)
	}
	if !p.search(sc, "pause the machine", 1) {
		t.Fatal("the help has no key that pauses")
	}
	lines := plain(p.draw(sc, 78, 20))
	if !strings.Contains(strings.Join(lines, "\n"), "›Space") {
		t.Errorf("the found key is not in sight or not selected:\n%s", strings.Join(lines, "\n"))
	}
	if msg, _ := p.act(sc, actEnter); msg != (actionMsg{actPause}) {
		t.Errorf("Enter sends %v, want the pause", msg)
	}
	p.act(sc, actDown)
	if msg, _ := p.act(sc, actEnter); msg != (actionMsg{actStepNext}) {
		t.Errorf("a row below Enter sends %v, want the next step", msg)
	}
	p.search(sc, "fold the selected", 1)
	p.draw(sc, 78, 20)
	if msg, _ := p.act(sc, actEnter); msg != noteMsg("x is for the pane itself: it does nothing here") {
		t.Errorf("Enter on a pane's own key sends %v, want a note", msg)
	}
	if p.search(sc, "no such words", 1) {
		t.Error("found what is not there")
	}
}

// TestHelpWalks goes down through the whole help: every line comes into sight,
// and back up to the first.
func TestHelpWalks(t *testing.T) {
	sc := helpScene("en", false, paneTimers)
	all := plain(new(helpPane).draw(sc, 60, 1000))
	p := new(helpPane)
	seen := make(map[string]bool)
	for range 3 * len(all) {
		for _, line := range plain(p.draw(sc, 60, 12)) {
			seen[strings.Replace(line, "›", " ", 1)] = true
		}
		p.act(sc, actDown)
	}
	for _, line := range all {
		if !seen[line] {
			t.Errorf("going down never showed %q", line)
		}
	}
	for range 3 * len(all) {
		p.act(sc, actUp)
		p.draw(sc, 60, 12)
	}
	if got := plain(p.draw(sc, 60, 12))[0]; got != all[0] {
		t.Errorf("back at the top the first line is %q, want %q", got, all[0])
	}
}

func TestHelpClicks(t *testing.T) {
	sc := helpScene("en", false, paneNone)
	p := new(helpPane)
	for y, line := range plain(p.draw(sc, 60, 40)) {
		if strings.HasPrefix(line, " Space") {
			p.click(sc, 3, y, false)
			if got := plain(p.draw(sc, 60, 40))[y]; !strings.HasPrefix(got, "›Space") {
				t.Errorf("after a click the line is %q, want it selected", got)
			}
			if msg := p.click(sc, 3, y, true); msg != (actionMsg{actPause}) {
				t.Errorf("a second click sends %v, want the pause", msg)
			}
			p.wheel(sc, 2)
			if got := plain(p.draw(sc, 60, 40))[y-2]; !strings.HasPrefix(got, "›Space") {
				t.Errorf("after the wheel the line above is %q", got)
			}
			return
		}
	}
	t.Error("no line for Space")
}

func TestHelpSizes(t *testing.T) {
	for _, sc := range []*scene{helpScene("en", false, paneShell), helpScene("zh", true, paneBacktrace)} {
		for w := 0; w <= 90; w += sizeStep(w) {
			for _, h := range []int{0, 1, 2, 5, 40} {
				p := new(helpPane)
				p.draw(sc, w, h)
				p.act(sc, actDown)
				p.act(sc, actEnd)
				p.search(sc, "step", 1)
				checkCells(t, p.draw(sc, w, h), w, h, false)
			}
		}
	}
}

func BenchmarkHelpDraw(b *testing.B) {
	sc := helpScene("zh", false, paneBacktrace)
	p := new(helpPane)
	for b.Loop() {
		p.draw(sc, 60, 40)
	}
}
