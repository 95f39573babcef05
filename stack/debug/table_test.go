package debug

import (
	"strings"
	"testing"
)

// TestTable: every command has help in both languages, a usage that begins
// with its name, and names that nothing else has.
func TestTable(t *testing.T) {
	var check func(prefix string, table []command)
	check = func(prefix string, table []command) {
		seen := make(map[string]bool)
		for _, c := range table {
			if c.help.en == "" || c.help.zh == "" || c.run == nil {
				t.Errorf("%s%s: incomplete", prefix, c.name())
			}
			if !strings.HasPrefix(c.usage, prefix+c.name()) {
				t.Errorf("%s%s: usage %q", prefix, c.name(), c.usage)
			}
			for _, n := range strings.Fields(c.names) {
				if seen[n] {
					t.Errorf("%s%s: name %q is used twice", prefix, c.name(), n)
				}
				seen[n] = true
			}
			check(prefix+c.name()+" ", c.sub)
		}
	}
	check("", commands())
	for key, m := range messages {
		if m.en == "" || m.zh == "" || strings.Count(m.en, "%") != strings.Count(m.zh, "%") {
			t.Errorf("message %s: %q, %q", key, m.en, m.zh)
		}
	}
}
