package house

import (
	"path"
	"strconv"
	"strings"
	"testing"
)

// below lists, for every package and what lies in its folder, the packages of
// this module that it may import; a name that ends in "/" stands for all that
// lies in a folder. Arrows point down.
var below = map[string][]string{
	"stack/wire":            {},
	"stack/internal/kernel": {"stack/wire"},
	"stack/internal/core":   {"stack/wire", "stack/internal/kernel"},
	"stack/internal/ipv4":   {"stack/wire", "stack/internal/kernel", "stack/internal/core"},
	"stack/internal/tcp":    {"stack/wire", "stack/internal/kernel", "stack/internal/core", "stack/internal/ipv4"},
	"stack/internal/socket": {"stack/wire", "stack/internal/"},
	"stack":                 {"stack/wire", "stack/internal/"},
	"stack/debug":           {"stack"},
	"stack/steps":           {"stack", "stack/wire"},
	"shell":                 {"stack", "stack/wire", "stack/steps", "stack/debug"},
	"tap":                   {"stack", "stack/wire"},
	"testscript":            {"stack", "stack/wire", "stack/debug", "shell", "tap", "testscript/"},
	"tui":                   {"stack", "stack/wire", "stack/steps", "stack/debug", "shell", "tap", "tui/"},
	"cmd":                   {"stack", "stack/wire", "stack/debug", "shell", "tap", "stack/steps", "testscript", "testscript/", "tui"},
	"stack/internal/house":  {},
}

// only lists libraries that are confined to some packages.
var only = map[string][]string{
	"charm.land/":               {"tui", "tui/", "cmd/"},
	"github.com/charmbracelet/": {"tui", "tui/", "cmd/"},
}

// bare lists the packages that need nothing but the standard library.
var bare = []string{"stack/wire", "stack/internal/"}

func within(name string, list []string) bool {
	for _, l := range list {
		if name == l || strings.HasSuffix(l, "/") && strings.HasPrefix(name, l) {
			return true
		}
	}
	return false
}

// allowedFor looks a package up, or else the folder that it lies in; a package
// within stack has a place of its own.
func allowedFor(pkg string) ([]string, bool) {
	for name := pkg; name != "."; name = path.Dir(name) {
		if list, ok := below[name]; ok {
			return list, name == pkg || name != "stack"
		}
	}
	return nil, false
}

func TestImportsPointDown(t *testing.T) {
	for _, f := range loadFiles(t) {
		pkg := strings.TrimPrefix(f.pkg, module+"/")
		allowed, known := allowedFor(pkg)
		if !known {
			t.Errorf("%s: package %s has no place among the layers", f.name, pkg)
			continue
		}
		for _, spec := range f.ast.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			own, ours := strings.CutPrefix(imp, module+"/")
			switch {
			case ours && f.test:
				// A test may look at the layers above it.
				if strings.HasPrefix(own, "stack/internal/") && !strings.HasPrefix(pkg, "stack") {
					t.Errorf("%s imports %s", f.name, imp)
				}
			case ours:
				if !within(own, allowed) {
					t.Errorf("%s: %s must not import %s", f.name, pkg, own)
				}
			case !strings.Contains(strings.SplitN(imp, "/", 2)[0], "."):
				// the standard library
			default:
				if within(pkg, bare) && !f.test {
					t.Errorf("%s: %s must not import %s", f.name, pkg, imp)
				}
				for lib, users := range only {
					if strings.HasPrefix(imp, lib) && !within(pkg, users) {
						t.Errorf("%s: %s must not import %s", f.name, pkg, imp)
					}
				}
			}
		}
	}
}
