package shell

// The lines that were typed at a prompt, kept from one run to the next.

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
	"github.com/rogpeppe/go-internal/lockedfile"
)

// Each prompt has a history, a file in the user's state directory.
const (
	shellHistory = "history"
	gdbHistory   = "gdb_history"
)

// maxHistory is how many lines a history keeps.
const maxHistory = 1000

// LoadHistory reads the lines that were typed at the shell's prompt, oldest
// first. A history that cannot be read is empty: a prompt works without.
func LoadHistory() []string { return loadHistory(shellHistory) }

// LoadGdbHistory is LoadHistory of the debugger's prompt.
func LoadGdbHistory() []string { return loadHistory(gdbHistory) }

// SaveHistory appends the lines that were typed at the shell's prompt since its
// history was loaded, or last saved. What another menuos has appended meanwhile
// stays.
func SaveHistory(typed []string) error { return saveHistory(shellHistory, typed) }

// SaveGdbHistory is SaveHistory of the debugger's prompt.
func SaveGdbHistory(typed []string) error { return saveHistory(gdbHistory, typed) }

func loadHistory(file string) []string {
	name, err := xdg.SearchStateFile(filepath.Join("menuos", file))
	if err != nil {
		return nil
	}
	text, err := lockedfile.Read(name)
	if err != nil {
		return nil
	}
	return tidyHistory(strings.Split(string(text), "\n"))
}

func saveHistory(file string, typed []string) error {
	if len(typed) == 0 {
		return nil
	}
	name, err := xdg.StateFile(filepath.Join("menuos", file))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600) // for the user's eyes only
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return lockedfile.Transform(name, func(old []byte) ([]byte, error) {
		lines := tidyHistory(append(strings.Split(string(old), "\n"), typed...))
		if len(lines) == 0 {
			return nil, nil
		}
		return []byte(strings.Join(lines, "\n") + "\n"), nil
	})
}

// tidyHistory drops blank lines and repetitions, and all but the last lines.
func tidyHistory(lines []string) []string {
	var out []string
	for _, l := range lines {
		l = strings.TrimRight(strings.ReplaceAll(l, "\n", " "), "\r")
		if strings.TrimSpace(l) != "" && (len(out) == 0 || out[len(out)-1] != l) {
			out = append(out, l)
		}
	}
	return out[max(0, len(out)-maxHistory):]
}
