package shell

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/adrg/xdg"
)

// stateHome gives the test a state directory of its own.
func stateHome(t *testing.T) string {
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", dir)
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	return filepath.Join(dir, "menuos")
}

func TestHistory(t *testing.T) {
	dir := stateHome(t)
	if got := LoadHistory(); got != nil {
		t.Errorf("before the first line: %q", got)
	}
	save := func(lines ...string) {
		t.Helper()
		if err := SaveHistory(lines); err != nil {
			t.Error(err)
		}
	}
	save()
	if _, err := os.Stat(filepath.Join(dir, "history")); err == nil {
		t.Error("nothing was typed, and there is a file")
	}
	save("hello", "hello", "", "ss")
	save("ss", "echo 三")
	if err := SaveGdbHistory([]string{"bt"}); err != nil {
		t.Error(err)
	}
	if got, want := LoadHistory(), []string{"hello", "ss", "echo 三"}; !slices.Equal(got, want) {
		t.Errorf("history %q, want %q", got, want)
	}
	if got, want := LoadGdbHistory(), []string{"bt"}; !slices.Equal(got, want) {
		t.Errorf("gdb's history %q, want %q", got, want)
	}
	if info, err := os.Stat(filepath.Join(dir, "history")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	var many []string
	for i := range 1500 {
		many = append(many, fmt.Sprint("echo ", i))
	}
	save(many...)
	if got := LoadHistory(); !slices.Equal(got, many[500:]) {
		t.Errorf("%d lines, from %q to %q", len(got), got[0], got[len(got)-1])
	}
}

// TestHistoryTwo: of several that save at once none loses its lines.
func TestHistoryTwo(t *testing.T) {
	stateHome(t)
	const instances, lines = 4, 20
	var all sync.WaitGroup
	for i := range instances {
		all.Go(func() {
			for n := range lines {
				if err := SaveHistory([]string{fmt.Sprint("echo ", i, n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := LoadHistory()
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != instances*lines {
		t.Errorf("%d lines are left of %d:\n%q", len(got), instances*lines, got)
	}
}
