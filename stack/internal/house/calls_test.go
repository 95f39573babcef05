package house

import (
	"fmt"
	"go/ast"
	"go/types"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// silent lists the functions of the modelled kernel that run through a variable
// where Linux has no call: they need no line.
var silent = map[string]string{
	"k.TimerEvents":      "tells observers",
	"prot.NewSock":       "kmem_cache_alloc, which is not modelled",
	"sk.SkProt.FreeSock": "kmem_cache_free, which is not modelled",
}

// helpers lists the functions that model none of Linux's and call modelled ones:
// a backtrace shows them in brackets, so they are few.
var helpers = map[string]string{
	"kernel.handleInterrupts": "the CPU takes an interrupt",
	"kernel.CloseFiles":       "the end of a process",
	"kernel.ksoftirqdMain":    "the beginning of a kernel thread",

	"core.linkInterrupt":   "a device driver: its interrupt",
	"core.linkPoll":        "a device driver: its poll",
	"core.linkXmit":        "a device driver: its transmission",
	"core.NewLink":         "set-up of a device",
	"core.NewDummy":        "set-up of a device",
	"core.NewVirtnet":      "set-up of a device",
	"core.virtioSend":      "the card, which is no part of Linux",
	"core.VirtnetSetLink":  "the card, which is no part of Linux",
	"core.loopbackNetInit": "set-up of a device",
	"core.freeQueue":       "a queue that is emptied; Linux frees its packets at the end of the configuration",
	"core.netemSpoil":      "a step of netem_enqueue, which would not fit a screen",
	"core.netemFinishSegs": "a step of netem_enqueue, which would not fit a screen",
	"core.trimFragList":    "a loop of ___pskb_trim, which would not fit a screen",
	"core.eatFragList":     "a loop of __pskb_pull_tail, which would not fit a screen",

	"ipv4.AddAddr":  "rtnetlink's way in, without netlink",
	"ipv4.DelAddr":  "rtnetlink's way in, without netlink",
	"ipv4.AddRoute": "rtnetlink's way in, without netlink",
	"ipv4.DelRoute": "rtnetlink's way in, without netlink",
	"ipv4.RouteGet": "rtnetlink's way in, without netlink",
	"ipv4.initIcmp": "set-up",

	"ipv4.confChanged": "the handler of a sysctl",

	"ipv4.initRaw": "set-up",
	"ipv4.initUdp": "set-up",

	"tcp.Init":            "set-up",
	"tcp.initSysctl":      "set-up",
	"tcp.syncSysctl":      "the handler of a sysctl",
	"tcp.changeExtHdrLen": "a step of do_ip_setsockopt that belongs to TCP",
}

// absent lists recorded calls that the code does not make: caller and callee.
var absent = map[string]string{
	"rcu_do_batch invoke_rcu_core": "every callback runs in one batch, so that none is left",
}

var lineRE = regexp.MustCompile(`// (\S*):(\d+)(?:\s.*)?$`)

// site is one call of a modelled function by a modelled function.
type site struct {
	caller *modelled
	callee *modelled // nil: through a variable
	goLine int
	file   string // Linux's
	line   int    // Linux's; 0: the Go line bears none
	pos    string
	expr   string
	inner  bool // in a function literal
}

var sitesCache []*site
var modelledCache []*modelled

// sites finds every call in a modelled function that leads to a modelled one or
// goes through a variable.
func sites(t *testing.T) ([]*modelled, []*site) {
	t.Helper()
	if sitesCache != nil {
		return modelledCache, sitesCache
	}
	byFunc := make(map[string]*modelled)
	var all []*modelled
	eachModelled(t, func(m *modelled) {
		byFunc[m.fn.FullName()] = m
		all = append(all, m)
	})
	var out []*site
	for _, m := range all {
		info := m.pkg.TypesInfo
		var lits []*ast.FuncLit
		ast.Inspect(m.decl.Body, func(node ast.Node) bool {
			if lit, ok := node.(*ast.FuncLit); ok {
				lits = append(lits, lit)
			}
			call, ok := node.(*ast.CallExpr)
			if !ok || isFentry(info, call) {
				return true
			}
			s := &site{caller: m, file: m.file, pos: at(call.Pos()), expr: types.ExprString(call.Fun)}
			fn := callee(info, call)
			switch {
			case fn != nil && !types.IsInterface(recvType(fn)):
				if s.callee = byFunc[fn.FullName()]; s.callee == nil {
					return true
				}
			case fn == nil:
				// A conversion, a builtin, or a call through a variable.
				if tv := info.Types[call.Fun]; tv.IsType() || tv.IsBuiltin() {
					return true
				}
				if _, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok {
					return true
				}
				if id, ok := call.Fun.(*ast.Ident); ok && isLiteral(info, m.decl, id) {
					return true
				}
			}
			for _, lit := range lits {
				s.inner = s.inner || lit.Pos() <= call.Pos() && call.End() <= lit.End()
			}
			s.goLine = fset.Position(call.Lparen).Line
			if match := lineRE.FindStringSubmatch(m.source[s.goLine-1]); match != nil {
				if match[1] != "" {
					s.file = match[1]
				}
				s.line, _ = strconv.Atoi(match[2])
			}
			out = append(out, s)
			return true
		})
	}
	modelledCache, sitesCache = all, out
	return all, out
}

// isLiteral reports whether a name stands for a function literal of fd.
func isLiteral(info *types.Info, fd *ast.FuncDecl, id *ast.Ident) bool {
	found := false
	ast.Inspect(fd.Body, func(node ast.Node) bool {
		if a, ok := node.(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) {
			for i, l := range a.Lhs {
				def, ok := l.(*ast.Ident)
				_, lit := a.Rhs[i].(*ast.FuncLit)
				found = found || ok && lit && info.Defs[def] != nil && info.Defs[def] == info.Uses[id]
			}
		}
		return true
	})
	return found
}

func recvType(fn *types.Func) types.Type {
	if r := fn.Signature().Recv(); r != nil {
		return r.Type()
	}
	return types.Typ[types.Invalid]
}

// TestCallsBearLines holds that a backtrace knows every call's line in Linux:
// each call of a modelled function stands on its own line and ends with it.
func TestCallsBearLines(t *testing.T) {
	_, all := sites(t)
	used := make(map[string]bool)
	for i, s := range all {
		if s.callee == nil {
			if s.line == 0 {
				used[s.expr] = true
				if silent[s.expr] == "" {
					t.Errorf("%s: %s calls %s without its line in Linux", s.pos, s.caller.name, s.expr)
				}
			}
			continue
		}
		if s.line == 0 {
			t.Errorf("%s: %s calls %s without its line in Linux", s.pos, s.caller.name, s.callee.name)
		}
		if s.inner {
			t.Errorf("%s: %s calls %s in a function literal, which would be a frame", s.pos, s.caller.name, s.callee.name)
		}
		if i > 0 && all[i-1].caller == s.caller && all[i-1].callee != nil && all[i-1].goLine == s.goLine {
			t.Errorf("%s: calls %s and %s on one line", s.pos, all[i-1].callee.name, s.callee.name)
		}
	}
	if len(all) < 2000 {
		t.Errorf("only %d calls found", len(all))
	}
	unused(t, silent, used)
}

// TestNoStrayLines holds that a comment that reads like a line in Linux stands
// behind a call.
func TestNoStrayLines(t *testing.T) {
	eachModelled(t, func(m *modelled) {
		calls := make(map[int]bool)
		ast.Inspect(m.decl.Body, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok {
				calls[fset.Position(call.Lparen).Line] = true
			}
			return true
		})
		for l := fset.Position(m.decl.Body.Pos()).Line; l <= fset.Position(m.decl.Body.End()).Line; l++ {
			if text := m.source[l-1]; lineRE.MatchString(text) && !calls[l] {
				t.Errorf("%s: nothing is called here: %s", at(m.decl.Pos()), strings.TrimSpace(text))
			}
		}
	})
}

// TestHelpersAreFew holds that a chain of modelled functions has no other
// function in between.
func TestHelpersAreFew(t *testing.T) {
	all, _ := sites(t)
	byFunc := make(map[string]bool)
	for _, m := range all {
		byFunc[m.fn.FullName()] = true
	}
	used := make(map[string]bool)
	eachFunc(loadKernel(t), func(p *packages.Package, fd *ast.FuncDecl) {
		if byFunc[p.TypesInfo.Defs[fd.Name].(*types.Func).FullName()] {
			return
		}
		ast.Inspect(fd.Body, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			if fn := callee(p.TypesInfo, call); fn != nil && byFunc[fn.FullName()] {
				name := funcName(p, fd)
				used[name] = true
				if helpers[name] == "" {
					t.Errorf("%s: %s, which models nothing, calls %s", at(call.Pos()), name, fn.Name())
				}
			}
			return true
		})
	})
	unused(t, helpers, used)
}

// TestCallsAgreeWithTheRecording holds that where the recording saw one
// modelled function call another, the code has that call at one of the lines.
func TestCallsAgreeWithTheRecording(t *testing.T) {
	all, calls := sites(t)
	known := make(map[string]bool)
	for _, m := range all {
		known[m.name] = true
	}
	lines := make(map[string]map[string]bool)  // caller → file:line of its calls
	direct := make(map[string]map[string]bool) // caller callee → file:line
	add := func(m map[string]map[string]bool, key, val string) {
		if m[key] == nil {
			m[key] = make(map[string]bool)
		}
		m[key][val] = true
	}
	for _, s := range calls {
		here := fmt.Sprintf("%s:%d", s.file, s.line)
		add(lines, s.caller.name, here)
		if s.callee != nil {
			add(direct, s.caller.name+" "+s.callee.name, here)
		}
	}
	seen := make(map[string][]string)
	for _, r := range tsv(t, "oracle/callsites.tsv") {
		if known[r[0]] && known[r[1]] && r[0] != r[1] {
			seen[r[0]+" "+r[1]] = append(seen[r[0]+" "+r[1]], r[2])
		}
	}
	if len(seen) < 300 {
		t.Errorf("only %d recorded calls are modelled", len(seen))
	}
	pairs := make([]string, 0, len(seen))
	for pair := range seen {
		pairs = append(pairs, pair)
	}
	sort.Strings(pairs)
	missing := make(map[string]bool)
	for _, pair := range pairs {
		caller, callee, _ := strings.Cut(pair, " ")
		have := direct[pair]
		if have == nil {
			have = lines[caller]
		}
		for _, want := range seen[pair] {
			if !have[want] {
				missing[pair] = true
				if absent[pair] != "" {
					continue
				}
				t.Errorf("%s calls %s at %s in the recording, but not in the code", caller, callee, want)
			}
		}
	}
	unused(t, absent, missing)
}
