package house

import (
	"go/ast"
	"go/types"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/tools/go/packages"
)

// modelled is one function of the modelled kernel that stands for one of Linux.
type modelled struct {
	pkg    *packages.Package
	decl   *ast.FuncDecl
	fn     *types.Func
	name   string // Linux's
	file   string
	line   int
	source []string // of the Go file
}

// oddNames are the functions whose Go name is not their Linux name by rule.
var oddNames = map[string]string{
	"_raw_write_unlock_bh": "WriteUnlockBh: callers name the lock's macro, which is no function in Linux",
}

// oddStops are the functions that the recording stopped in at another line than
// that of their own beginning.
var oddStops = map[string]string{
	"__raise_softirq_irqoff": "gdb put the breakpoint into a caller that gcc had inlined it into",
	"run_ksoftirqd":          "gdb put the breakpoint behind the test of pending softirqs",
}

// twins are Linux names that two Go functions may claim.
var twins = map[string]string{}

var (
	entryRE  = regexp.MustCompile(`Fentry([0-5])\((.*)\) // (\w+) (\S+):(\d+)$`)
	fentryRE = regexp.MustCompile(`^Fentry[0-5]$`)
)

// isFentry reports whether a call is one of kernel.FentryN.
func isFentry(info *types.Info, call *ast.CallExpr) bool {
	fn := callee(info, call)
	return fn != nil && fn.Pkg() != nil && fn.Pkg().Path() == internal+"kernel" && fentryRE.MatchString(fn.Name())
}

// goName is the Go name of a Linux function, unexported.
func goName(linux string) string {
	words := strings.TrimLeft(linux, "_")
	under := linux[:len(linux)-len(words)]
	var b strings.Builder
	for i, w := range strings.Split(words, "_") {
		if w != "" && i > 0 {
			w = strings.ToUpper(w[:1]) + w[1:]
		}
		b.WriteString(w)
	}
	return b.String() + under
}

func exported(name string) string {
	r := []rune(name)
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

// eachModelled visits every function that has an entry, in order of its source.
func eachModelled(t *testing.T, visit func(m *modelled)) {
	t.Helper()
	sources := make(map[string][]string)
	for _, f := range loadFiles(t) {
		sources[f.name] = f.lines()
	}
	pkgs := loadKernel(t)
	eachFunc(pkgs, func(p *packages.Package, fd *ast.FuncDecl) {
		stmt, ok := firstCall(fd)
		if !ok || !isFentry(p.TypesInfo, stmt) {
			return
		}
		pos := fset.Position(stmt.Pos())
		lines := sources["stack/internal/"+p.Name+"/"+filepath.Base(pos.Filename)]
		match := entryRE.FindStringSubmatch(lines[pos.Line-1])
		if match == nil {
			t.Errorf("%s: the entry's comment does not read // linux_name file:line", at(stmt.Pos()))
			return
		}
		line, err := strconv.Atoi(match[5])
		if err != nil {
			t.Fatal(err)
		}
		visit(&modelled{p, fd, p.TypesInfo.Defs[fd.Name].(*types.Func), match[3], match[4], line, lines})
	})
}

func firstCall(fd *ast.FuncDecl) (*ast.CallExpr, bool) {
	if len(fd.Body.List) == 0 {
		return nil, false
	}
	stmt, ok := fd.Body.List[0].(*ast.ExprStmt)
	if !ok {
		return nil, false
	}
	call, ok := stmt.X.(*ast.CallExpr)
	return call, ok
}

// TestFentryIsFirst holds that an entry is the first statement of a function,
// or absent, and that it records parameters, by name, as many as it says.
func TestFentryIsFirst(t *testing.T) {
	eachFunc(loadKernel(t), func(p *packages.Package, fd *ast.FuncDecl) {
		first, _ := firstCall(fd)
		params := make(map[types.Object]bool)
		for _, field := range fd.Type.Params.List {
			for _, name := range field.Names {
				params[p.TypesInfo.Defs[name]] = true
			}
		}
		ast.Inspect(fd.Body, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || !isFentry(p.TypesInfo, call) {
				return true
			}
			name := callee(p.TypesInfo, call).Name()
			if call != first {
				t.Errorf("%s: %s is not the first statement of %s", at(call.Pos()), name, fd.Name.Name)
			}
			if n := len(call.Args) - 1; name != "Fentry"+strconv.Itoa(n) {
				t.Errorf("%s: %s records %d arguments", at(call.Pos()), name, n)
			}
			for _, arg := range call.Args[1:] {
				id, ok := arg.(*ast.Ident)
				if !ok || !params[p.TypesInfo.Uses[id]] {
					t.Errorf("%s: %s records %s, which is no parameter of %s", at(call.Pos()), name, types.ExprString(arg), fd.Name.Name)
				}
			}
			return true
		})
	})
}

// TestFentryNames holds that a function's entry tells the truth: its Go name
// follows from the Linux name by rule, Linux has a function of that name in that
// file, no other Go function claims it, and gdb stops where it says.
func TestFentryNames(t *testing.T) {
	linux := make(map[[2]string]bool)
	for _, r := range tsv(t, "linux-symbols.txt") {
		linux[[2]string{r[0], r[1]}] = true
	}
	stops := make(map[string]string)
	for _, r := range tsv(t, "oracle/functions.tsv") {
		stops[r[0]] = r[2]
	}
	owner := make(map[string]string)
	odd, twin := make(map[string]bool), make(map[string]bool)
	eachModelled(t, func(m *modelled) {
		pos, name := at(m.decl.Pos()), m.decl.Name.Name
		if want := goName(m.name); name != want && name != exported(want) {
			odd[m.name] = true
			if oddNames[m.name] == "" {
				t.Errorf("%s: %s is %s or %s by rule, not %s", pos, m.name, want, exported(want), name)
			}
		}
		if !linux[[2]string{m.name, m.file}] {
			t.Errorf("%s: Linux has no %s in %s", pos, m.name, m.file)
		}
		if other := owner[m.name]; other != "" {
			twin[m.name] = true
			if twins[m.name] == "" {
				t.Errorf("%s: %s is claimed by %s, too", pos, m.name, other)
			}
		}
		owner[m.name] = m.pkg.Name + "." + name
		here := m.file + ":" + strconv.Itoa(m.line)
		if stop := stops[m.name]; stop != "" && stop != "-" && stop != here && oddStops[m.name] == "" {
			t.Errorf("%s: gdb stops in %s at %s, not at %s", pos, m.name, stop, here)
		}
	})
	if len(owner) < 1000 {
		t.Errorf("only %d modelled functions found", len(owner))
	}
	unused(t, oddNames, odd)
	unused(t, twins, twin)
}

// TestFentryInlines holds that an unwatched entry costs no call, wherever it is.
func TestFentryInlines(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the compiler")
	}
	cmd := exec.Command("go", "build", "-gcflags=-m=1", "./stack/internal/...")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, regexp.MustCompile(`(?m)^.*(inlin|escape|moved to|leaking|ignoring).*\n`).ReplaceAll(out, nil))
	}
	inlined := make(map[string]bool)
	inlining := regexp.MustCompile(`(?m)^(\S+:\d+):\d+: inlining call to (?:kernel\.)?Fentry[0-5]\b`)
	for _, m := range inlining.FindAllSubmatch(out, -1) {
		inlined[filepath.ToSlash(string(m[1]))] = true
	}
	eachModelled(t, func(m *modelled) {
		if pos := at(m.decl.Body.List[0].Pos()); !inlined[pos] {
			t.Errorf("%s: the entry of %s is a call", pos, m.name)
		}
	})
}
