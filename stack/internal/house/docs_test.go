package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ownName finds the program's name in a sentence, which then says where it
// differs from Linux.
var ownName = regexp.MustCompile(`\bmenuos [a-z]`)

// deviations are the sentences of a comment that speak of menuos itself.
func deviations(c *ast.CommentGroup) []string {
	var out []string
	text := strings.Join(strings.Fields(c.Text()), " ")
	for {
		loc := ownName.FindStringIndex(text)
		if loc == nil {
			return out
		}
		from := 0
		if i := strings.LastIndex(text[:loc[0]], ". "); i >= 0 {
			from = i + len(". ")
		}
		end := len(text)
		if i := strings.Index(text[loc[0]:], ". "); i >= 0 {
			end = loc[0] + i
		}
		out = append(out, strings.TrimSuffix(text[from:end], "."))
		text = text[end:]
	}
}

// TestDifferencesAreListed holds that docs/linux-differences.md says, word for
// word, every difference that the code says it makes on purpose, and no other.
func TestDifferencesAreListed(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(root, "docs", "linux-differences.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(doc), "\n## On purpose\n")
	if !ok {
		t.Fatal(`docs/linux-differences.md has no section "On purpose"`)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	listed := make(map[string]bool) // row: file and sentence
	for _, line := range strings.Split(section, "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "| `") || len(cells) != 2 {
			continue
		}
		listed[strings.Trim(strings.TrimSpace(cells[0]), "`")+": "+strings.TrimSpace(cells[1])] = true
	}
	var rows []string
	said := make(map[string]bool)
	for _, f := range loadFiles(t) {
		if f.test || !strings.HasPrefix(f.name, "stack/internal/") {
			continue
		}
		for _, c := range f.ast.Comments {
			for _, s := range deviations(c) {
				s = strings.ReplaceAll(s, "|", "\\|")
				file := strings.TrimPrefix(f.name, "stack/internal/")
				if !listed[file+": "+s] {
					rows = append(rows, "| `"+file+"` | "+s+" |")
				}
				said[file+": "+s] = true
			}
		}
	}
	if rows != nil {
		t.Errorf("docs/linux-differences.md lacks in its section \"On purpose\":\n%s", strings.Join(rows, "\n"))
	}
	for row := range listed {
		if !said[row] {
			t.Errorf("docs/linux-differences.md lists what the code does not say: %s", row)
		}
	}
}
