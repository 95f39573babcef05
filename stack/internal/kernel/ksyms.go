// The symbol table. It is read from the modelled functions' own source, which
// every layer embeds: the comment behind a function's Fentry gives its Linux
// name, file and line, the comment behind a call the line of that call in
// Linux. Nothing is generated, so nothing can be stale; it is read when the
// first breakpoint or backtrace asks for it.

package kernel

import (
	"embed"
	"io/fs"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
)

//go:embed *.go
var sourceFS embed.FS

// Source is the embedded source of one package of modelled functions.
type Source struct {
	Package string // import path
	FS      embed.FS
}

// AddSources adds the source of a layer, when it joins the machine.
func (k *Kernel) AddSources(s Source) { k.sources = append(k.sources, s) }

// Sym is one modelled function.
type Sym struct {
	Name   string   // Linux's name
	File   string   // Linux's file, as gdb prints it without "./"
	Line   int      // where gdb stops in it
	GoFunc string   // as runtime names it
	GoFile string   // base name of the Go file
	GoLine int      // of the Fentry
	Params []string // Linux's parameter names, in order
	Args   []string // the parameters that Fentry records
	Addr   uint64   // of its first instruction, in a manner of speaking
	size   uint64
}

// Inline reports whether the function stands in a header, where gcc inlines it.
func (s *Sym) Inline() bool { return strings.HasSuffix(s.File, ".h") }

// symtab is a pure function of the sources, so all machines share one.
type symtab struct {
	syms     []*Sym
	byName   map[string]*Sym
	byGoFunc map[string]*Sym
	lines    map[string][]string // package + "/" + file → lines
}

var symtabs = struct {
	sync.Mutex
	m map[string]*symtab
}{m: make(map[string]*symtab)}

var (
	fentryRE = regexp.MustCompile(`Fentry[0-5]\((.*)\) // (\w+) (\S+):(\d+)$`)
	funcRE   = regexp.MustCompile(`^func (?:\(\w+ (\*?)(\w+)\) )?(\w+)(?:\[[^\]]*\])?\(`)
	callRE   = regexp.MustCompile(`// (\S*):(\d+)(?:\s.*)?$`)
)

func (k *Kernel) symtab() *symtab {
	if k.trace.syms == nil {
		var key strings.Builder
		for _, s := range k.sources {
			key.WriteString(s.Package)
			key.WriteByte(' ')
		}
		symtabs.Lock()
		defer symtabs.Unlock()
		st := symtabs.m[key.String()]
		if st == nil {
			st = readSymtab(k.sources)
			symtabs.m[key.String()] = st
		}
		k.trace.syms = st
	}
	return k.trace.syms
}

func readSymtab(sources []Source) *symtab {
	st := &symtab{
		byName:   make(map[string]*Sym),
		byGoFunc: make(map[string]*Sym),
		lines:    make(map[string][]string),
	}
	for _, s := range sources {
		names, err := fs.Glob(s.FS, "*.go")
		if err != nil {
			panic("kernel: embedded source: " + err.Error())
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := s.FS.ReadFile(name)
			if err != nil {
				panic("kernel: embedded source: " + err.Error())
			}
			st.readFile(s.Package, name, strings.Split(string(text), "\n"))
		}
	}
	st.layOut()
	return st
}

func (st *symtab) readFile(pkg, name string, lines []string) {
	st.lines[pkg+"/"+name] = lines
	var fn, sig string
	for i, line := range lines {
		if m := funcRE.FindStringSubmatch(line); m != nil {
			fn, sig = goFuncName(pkg, m[1], m[2], m[3]), line[len(m[0])-1:]
			for j := i; !strings.HasSuffix(lines[j], "{") && j+1 < len(lines); j++ {
				sig += " " + strings.TrimSpace(lines[j+1])
			}
			continue
		}
		if !strings.Contains(line, "Fentry") {
			continue
		}
		m := fentryRE.FindStringSubmatch(line)
		if m == nil || fn == "" {
			continue
		}
		at, _ := strconv.Atoi(m[4])
		sym := &Sym{Name: m[2], File: m[3], Line: at, GoFunc: fn, GoFile: name, GoLine: i + 1,
			Params: paramNames(sig), Args: fentryArgs(m[1])}
		if strings.HasSuffix(sym.File, ".S") {
			sym.Params = nil // assembly has no arguments to show
		}
		st.syms = append(st.syms, sym)
		if st.byName[sym.Name] == nil {
			st.byName[sym.Name] = sym
		}
		st.byGoFunc[fn] = sym
		fn = ""
	}
}

func goFuncName(pkg, star, recv, name string) string {
	switch {
	case recv == "":
		return pkg + "." + name
	case star == "":
		return pkg + "." + recv + "." + name
	}
	return pkg + ".(*" + recv + ")." + name
}

// paramNames reads the names out of a signature that begins with "(".
func paramNames(sig string) []string {
	depth, end := 0, len(sig)
scan:
	for i, c := range sig {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				end = i
				break scan
			}
		}
	}
	var names []string
	for _, p := range splitTop(sig[1:end]) {
		if name, _, _ := strings.Cut(strings.TrimSpace(p), " "); name != "" && name != "_" {
			names = append(names, snakeCase(name))
		}
	}
	return names
}

// splitTop splits at the commas that stand outside of any bracket.
func splitTop(s string) []string {
	var parts []string
	depth, from := 0, 0
	for i, c := range s {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, s[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, s[from:])
}

func fentryArgs(list string) []string {
	parts := splitTop(list)
	var names []string
	for _, p := range parts[1:] {
		names = append(names, snakeCase(strings.TrimSpace(p)))
	}
	return names
}

// snakeCase is the C form of a Go name: protoOps is proto_ops.
func snakeCase(s string) string {
	var b strings.Builder
	for i, c := range s {
		if c >= 'A' && c <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// layOut gives every function an address, in the order of files and lines, as
// a linker would.
func (st *symtab) layOut() {
	order := append([]*Sym(nil), st.syms...)
	sort.SliceStable(order, func(i, j int) bool {
		if order[i].File != order[j].File {
			return order[i].File < order[j].File
		}
		return order[i].Line < order[j].Line
	})
	addr := uint64(0xffffffff81600000)
	for i, s := range order {
		s.Addr = addr
		s.size = 0x1000
		if i+1 < len(order) && order[i+1].File == s.File {
			s.size = (uint64(order[i+1].Line-s.Line)*12 + 31) &^ 15
		}
		addr += s.size
	}
}

// LookupSym finds a modelled function by its Linux name.
func (k *Kernel) LookupSym(name string) *Sym { return k.symtab().byName[name] }

// Syms lists the modelled functions in the order of their source.
func (k *Kernel) Syms() []*Sym { return k.symtab().syms }

func (k *Kernel) symOfPC(pc uintptr) *Sym {
	fr, _ := k.frameOfPC(pc)
	return fr.Sym
}

// callSite reads the Linux file and line of the call on a Go line; file is ""
// for the function's own file, and line 0 if the line bears no comment.
func (st *symtab) callSite(pkg, goFile string, goLine int) (file string, line int) {
	lines := st.lines[pkg+"/"+path.Base(goFile)]
	if goLine < 1 || goLine > len(lines) {
		return "", 0
	}
	m := callRE.FindStringSubmatch(lines[goLine-1])
	if m == nil {
		return "", 0
	}
	line, _ = strconv.Atoi(m[2])
	return m[1], line
}

// SourceLines is the Go source of a file of a modelled package, nil if there is
// no such file.
func (k *Kernel) SourceLines(pkg, file string) []string {
	return k.symtab().lines[pkg+"/"+file]
}
