package house

import (
	"bufio"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/go/packages"
)

const (
	root     = "../../.."
	module   = "menuos"
	internal = module + "/stack/internal/"
)

// goFile is one Go file of the module, whatever system it is built for.
type goFile struct {
	name string // slash-separated, from the module's root
	pkg  string // import path of its folder
	test bool
	src  []byte
	ast  *ast.File
}

func (f *goFile) lines() []string { return strings.Split(string(f.src), "\n") }

var (
	fset = token.NewFileSet()

	goFiles = sync.OnceValues(func() ([]*goFile, error) {
		var files []*goFile
		err := walk(func(name string) error {
			if path.Ext(name) != ".go" {
				return nil
			}
			src, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				return err
			}
			f, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			files = append(files, &goFile{name, path.Join(module, path.Dir(name)), strings.HasSuffix(name, "_test.go"), src, f})
			return nil
		})
		return files, err
	})

	// kernelPackages are the layers of the modelled kernel, with types.
	kernelPackages = sync.OnceValues(func() ([]*packages.Package, error) {
		pkgs, err := packages.Load(&packages.Config{
			Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes |
				packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
			Dir:  root,
			Fset: fset,
		}, "./stack/internal/...")
		if err != nil {
			return nil, err
		}
		var errs []error
		for _, p := range pkgs {
			for _, e := range p.Errors {
				errs = append(errs, e)
			}
		}
		return pkgs, errors.Join(errs...)
	})
)

// walk visits every file of the module.
func walk(visit func(name string) error) error {
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(name))
	})
}

func loadFiles(t *testing.T) []*goFile {
	t.Helper()
	files, err := goFiles()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func loadKernel(t *testing.T) []*packages.Package {
	t.Helper()
	pkgs, err := kernelPackages()
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 5 {
		t.Fatalf("%d packages in stack/internal", len(pkgs))
	}
	return pkgs
}

// tsv reads a table of the stack's testdata without its heading.
func tsv(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(root, "stack", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows [][]string
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		rows = append(rows, strings.Split(sc.Text(), "\t"))
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// at is a position as tests print it.
func at(pos token.Pos) string {
	p := fset.Position(pos)
	name := filepath.ToSlash(p.Filename)
	if i := strings.Index(name, "stack/internal/"); i >= 0 {
		name = name[i:]
	}
	p.Filename, p.Column = name, 0
	return p.String()
}

// eachFunc visits the functions with a body in the modelled kernel.
func eachFunc(pkgs []*packages.Package, visit func(p *packages.Package, fd *ast.FuncDecl)) {
	for _, p := range pkgs {
		for _, f := range p.Syntax {
			for _, d := range f.Decls {
				if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil {
					visit(p, fd)
				}
			}
		}
	}
}

// callee is the declared function that a call names, nil for a call through a
// variable, a conversion or a builtin.
func callee(info *types.Info, call *ast.CallExpr) *types.Func {
	fun := ast.Unparen(call.Fun)
	switch x := fun.(type) {
	case *ast.IndexExpr:
		fun = x.X
	case *ast.IndexListExpr:
		fun = x.X
	}
	var id *ast.Ident
	switch x := fun.(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return nil
	}
	fn, _ := info.Uses[id].(*types.Func)
	if fn != nil {
		fn = fn.Origin()
	}
	return fn
}

// funcName names a function as the tests' lists do: package and name.
func funcName(p *packages.Package, fd *ast.FuncDecl) string { return p.Name + "." + fd.Name.Name }

// unused reports the entries of a list of exceptions that excuse nothing.
func unused(t *testing.T, list map[string]string, used map[string]bool) {
	t.Helper()
	var names []string
	for name := range list {
		if !used[name] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		t.Errorf("%s is listed as an exception and is none", name)
	}
}
