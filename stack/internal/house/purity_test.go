package house

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// foreign lists the packages that the modelled kernel must not import; a name
// that ends in "/" stands for what is below it, too.
var foreign = []string{"os", "os/", "net", "net/", "syscall", "crypto/rand", "math/rand", "sync", "sync/", "log", "log/", "context", "runtime/", "plugin"}

// foreignFor are the exceptions, by file.
var foreignFor = map[string]string{
	"kernel/ksyms.go sync": "the symbol table is read once for all machines",
}

// clocks are the functions of package time that read or wait for a clock.
var clocks = map[string]bool{"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true,
	"Tick": true, "NewTimer": true, "NewTicker": true}

// written lists the package-level variables that are written, with the reason.
var written = map[string]string{
	"kernel.symtabs": "a cache of what is a pure function of the source, behind a lock",
}

// unordered lists the functions that range over a map, with the reason why the
// order cannot matter.
var unordered = map[string]string{
	"kernel.setWatch": "every task alike forgets what its frames recorded",
	"kernel.Tasks":    "sorted afterwards",
}

func TestKernelIsPure(t *testing.T) {
	used := make(map[string]bool)
	for _, p := range loadKernel(t) {
		for _, f := range p.Syntax {
			file := p.Name + "/" + filepath.Base(fset.Position(f.Pos()).Filename)
			for _, spec := range f.Imports {
				imp, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				key := file + " " + imp
				if (within(imp, foreign)) && foreignFor[key] == "" {
					t.Errorf("%s: the modelled kernel must not import %s", at(spec.Pos()), imp)
				}
				used[key] = true
			}
			ast.Inspect(f, func(node ast.Node) bool {
				switch x := node.(type) {
				case *ast.GoStmt:
					t.Errorf("%s: go statement", at(x.Pos()))
				case *ast.SelectStmt:
					t.Errorf("%s: select statement", at(x.Pos()))
				case *ast.SendStmt:
					t.Errorf("%s: send statement", at(x.Pos()))
				case *ast.ChanType:
					t.Errorf("%s: channel", at(x.Pos()))
				case *ast.SelectorExpr:
					fn, ok := p.TypesInfo.Uses[x.Sel].(*types.Func)
					if !ok || fn.Pkg() == nil || fn.Signature().Recv() != nil {
						return true
					}
					switch fn.Pkg().Path() {
					case "time":
						if clocks[fn.Name()] {
							t.Errorf("%s: time.%s", at(x.Pos()), fn.Name())
						}
					case "math/rand/v2":
						if !strings.HasPrefix(fn.Name(), "New") || p.Name != "kernel" {
							t.Errorf("%s: rand.%s: chance comes from the machine's seed", at(x.Pos()), fn.Name())
						}
					}
				}
				return true
			})
		}
	}
	unused(t, foreignFor, used)
}

// TestNoGlobalState holds that package-level variables are tables: nothing
// assigns to them, to a part of them or through their address.
func TestNoGlobalState(t *testing.T) {
	used := make(map[string]bool)
	for _, p := range loadKernel(t) {
		// global is the package-level variable at the root of an expression.
		var global func(e ast.Expr) *types.Var
		global = func(e ast.Expr) *types.Var {
			switch x := ast.Unparen(e).(type) {
			case *ast.Ident:
				v, ok := p.TypesInfo.Uses[x].(*types.Var)
				if ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
					return v
				}
			case *ast.SelectorExpr:
				if v := global(x.Sel); v != nil {
					return v
				}
				return global(x.X)
			case *ast.IndexExpr:
				return global(x.X)
			case *ast.SliceExpr:
				return global(x.X)
			case *ast.StarExpr:
				return global(x.X)
			}
			return nil
		}
		check := func(e ast.Expr, how string) {
			v := global(e)
			if v == nil {
				return
			}
			name := v.Pkg().Name() + "." + v.Name()
			used[name] = true
			if written[name] == "" {
				t.Errorf("%s: %s of %s", at(e.Pos()), how, name)
			}
		}
		for _, f := range p.Syntax {
			ast.Inspect(f, func(node ast.Node) bool {
				switch x := node.(type) {
				case *ast.AssignStmt:
					if x.Tok != token.DEFINE {
						for _, l := range x.Lhs {
							check(l, "assignment")
						}
					}
				case *ast.IncDecStmt:
					check(x.X, "assignment")
				case *ast.UnaryExpr:
					if x.Op == token.AND {
						check(x.X, "address")
					}
				case *ast.RangeStmt:
					if x.Tok == token.ASSIGN {
						check(x.Key, "assignment")
						if x.Value != nil {
							check(x.Value, "assignment")
						}
					}
				case *ast.CallExpr:
					sel, ok := ast.Unparen(x.Fun).(*ast.SelectorExpr)
					if s := p.TypesInfo.Selections[sel]; ok && s != nil && s.Kind() == types.MethodVal {
						if _, ptr := s.Obj().(*types.Func).Signature().Recv().Type().(*types.Pointer); ptr {
							if _, isPtr := s.Recv().(*types.Pointer); !isPtr {
								check(sel.X, "address")
							}
						}
					}
				}
				return true
			})
		}
	}
	unused(t, written, used)
}

// TestMapOrder holds that no behaviour hangs on the order of a map.
func TestMapOrder(t *testing.T) {
	used := make(map[string]bool)
	eachFunc(loadKernel(t), func(p *packages.Package, fd *ast.FuncDecl) {
		ast.Inspect(fd, func(node ast.Node) bool {
			r, ok := node.(*ast.RangeStmt)
			if !ok {
				return true
			}
			if _, ok := p.TypesInfo.TypeOf(r.X).Underlying().(*types.Map); ok {
				used[funcName(p, fd)] = true
				if unordered[funcName(p, fd)] == "" {
					t.Errorf("%s: %s ranges over a map", at(r.Pos()), funcName(p, fd))
				}
			}
			return true
		})
	})
	unused(t, unordered, used)
}
