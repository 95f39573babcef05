package tui

import (
	"os"
	"strings"
	"testing"

	"menuos/shell"
)

const keysHead = "# Keys\n\nMade from the key table (`go test ./tui -run Docs -update` writes this page); `?` shows the same, with the keys of the pane that\n" +
	"has the focus first.\n\n"

// TestDocsKeys holds docs/keys.md against the key table.
func TestDocsKeys(t *testing.T) {
	const file = "../docs/keys.md"
	want := keysHead + helpTable("en")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is stale: go test ./tui -run Docs -update writes it anew", file)
	}
}

// TestDocsScreen holds the screen that README.md shows against the golden of that
// screen, which a test draws.
func TestDocsScreen(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/screen-120x35-en-stop.golden")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```text\n")
	block, _, _ = strings.Cut(block, "```")
	if got := sameAddresses(block); got != string(golden) {
		t.Errorf("README.md shows\n%s\nthe screen is\n%s", got, golden)
	}
}

// TestDocsWords: every sentence is there in both languages, with the same verbs.
func TestDocsWords(t *testing.T) {
	for key, s := range words {
		if s.en == "" || s.zh == "" {
			t.Errorf("%s lacks a language: %q, %q", key, s.en, s.zh)
		}
		if strings.Count(s.en, "%") != strings.Count(s.zh, "%") {
			t.Errorf("%s takes other arguments in Chinese: %q, %q", key, s.en, s.zh)
		}
	}
	for _, b := range bindings {
		if b.help.en == "" || b.help.zh == "" || (b.hint.en == "") != (b.hint.zh == "") {
			t.Errorf("the key %s lacks a language", b.keys[0])
		}
	}
	if _, ok := shell.Language("zh"); !ok {
		t.Error("the shell does not speak Chinese")
	}
}
