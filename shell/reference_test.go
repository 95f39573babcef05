package shell

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var updateReference = flag.Bool("update", false, "write docs/commands.md anew")

// TestReference holds docs/commands.md against the command table.
func TestReference(t *testing.T) {
	const file = "../docs/commands.md"
	want := Reference()
	if *updateReference {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		g, w := strings.Split(string(got), "\n"), strings.Split(want, "\n")
		for i := range w {
			if i >= len(g) || g[i] != w[i] {
				have := "(end)"
				if i < len(g) {
					have = g[i]
				}
				t.Fatalf("%s is stale from line %d on: it has\n%s\nwhere the table has\n%s\ngo test ./shell -run Reference -update writes it anew", file, i+1, have, w[i])
			}
		}
		t.Fatalf("%s is stale: it has %d lines, the table %d", file, len(g), len(w))
	}
}

// TestReferenceComplete: every command tells how it is used, in both languages.
func TestReferenceComplete(t *testing.T) {
	page := Reference()
	for _, c := range Commands() {
		if c.Hidden {
			continue
		}
		if !strings.Contains(page, "\n### "+c.Name+"\n") {
			t.Errorf("%s is not in the reference", c.Name)
		}
		if c.Summary.en == "" || c.Group != groupLab && c.Summary.zh == "" {
			t.Errorf("%s has no summary in both languages: %+v", c.Name, c.Summary)
		}
	}
}
