package house

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	maxLines     = 500
	maxTestLines = 700
)

// long lists the files that may be longer, with the reason.
var long = map[string]string{}

// workplace finds words of a place where somebody works on the project; the
// words are put together here so that this file passes.
var workplace = regexp.MustCompile(`(^|[\s"'(=:` + "`" + `])/wo` + `rk/|\bsha` + `red/|(?i:\bcla` + `ude\b|\banthro` + `pic\b)|\bTO` + `DO\b|\bFIX` + `ME\b|\bported ` + `from\b`)

// workplaceFor are the exceptions: a file and a word that belongs there.
var workplaceFor = map[string]string{}

func TestFormatAndLength(t *testing.T) {
	used := make(map[string]bool)
	for _, f := range loadFiles(t) {
		out, err := format.Source(f.src)
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
		} else if !bytes.Equal(out, f.src) {
			t.Errorf("%s is not formatted", f.name)
		}
		limit := maxLines
		if f.test {
			limit = maxTestLines
		}
		if n := bytes.Count(f.src, []byte("\n")); n > limit {
			used[f.name] = true
			if long[f.name] == "" {
				t.Errorf("%s has %d lines, %d are the limit", f.name, n, limit)
			}
		}
	}
	unused(t, long, used)
}

// TestDocComments holds that every exported name of the stack says what it is.
func TestDocComments(t *testing.T) {
	for _, f := range loadFiles(t) {
		if f.test || !strings.HasPrefix(f.name, "stack/") {
			continue
		}
		for i, d := range f.ast.Decls {
			switch x := d.(type) {
			case *ast.FuncDecl:
				if i > 0 && fset.Position(f.ast.Decls[i-1].End()).Line+1 == fset.Position(x.Pos()).Line {
					continue // one of a block that has a comment
				}
				if x.Doc == nil && x.Name.IsExported() && exportedRecv(x) && !obvious[x.Name.Name] {
					t.Errorf("%s: %s has no comment", at(x.Pos()), x.Name.Name)
				}
			case *ast.GenDecl:
				if x.Doc != nil {
					continue // of the whole group
				}
				for _, spec := range x.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() && s.Doc == nil && s.Comment == nil {
							t.Errorf("%s: %s has no comment", at(s.Pos()), s.Name.Name)
						}
					case *ast.ValueSpec:
						if s.Names[0].IsExported() && s.Doc == nil && s.Comment == nil && x.Tok != token.CONST {
							t.Errorf("%s: %s has no comment", at(s.Pos()), s.Names[0].Name)
						}
					}
				}
			}
		}
	}
}

// obvious lists the methods whose meaning an interface of the standard library
// defines.
var obvious = map[string]bool{"String": true, "Error": true, "Unwrap": true, "Is": true, "Len": true, "Less": true,
	"Swap": true, "Push": true, "Pop": true}

func exportedRecv(fd *ast.FuncDecl) bool {
	if fd.Recv == nil {
		return true
	}
	typ := fd.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// TestWords holds that files speak of the project alone.
func TestWords(t *testing.T) {
	used := make(map[string]bool)
	err := walk(func(name string) error {
		switch path.Ext(name) {
		case ".go", ".md", ".txt", ".txtar", ".tsv", ".pkt", ".gdb", ".yml", ".yaml", ".toml", ".conf", ".mod", "":
		default:
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			m := workplace.FindString(line)
			if m == "" {
				continue
			}
			key := name + " " + strings.TrimSpace(m)
			used[key] = true
			if workplaceFor[key] == "" {
				t.Errorf("%s:%d: %q", name, i+1, m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	unused(t, workplaceFor, used)
}
