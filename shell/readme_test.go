package shell

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
)

// addressRE matches kernel addresses, which move when functions are added.
var addressRE = regexp.MustCompile(`0x[0-9a-f]{8,}`)

// TestReadmeSessions types every session that README.md shows and holds what it
// says against what comes.
func TestReadmeSessions(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```console\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("README.md shows no session")
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		var out bytes.Buffer
		s, err := New(Config{Out: &out, Err: &out})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range strings.Split(block, "MenuOS>>")[1:] {
			line, want, _ := strings.Cut(step, "\n")
			out.Reset()
			s.Exec(context.Background(), line)
			got := addressRE.ReplaceAllString(out.String(), "0x…")
			if want = addressRE.ReplaceAllString(want, "0x…"); got != want {
				t.Errorf("MenuOS>>%s\nprints\n%s\nREADME.md says\n%s", line, got, want)
			}
		}
		s.Close()
	}
}
