package shell

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

var textCommands = []*Command{
	{Name: "cat", Usage: "[FILE]...", Group: groupText, Summary: text{"print files", "打印文件"}, Words: fileWords, Run: runCat},
	{Name: "grep", Usage: "[-ivcnEoF] PATTERN [FILE]...", Group: groupText, Summary: text{"print the lines that match", "打印匹配的行"},
		Words: fileWords, Flags: func(f *pflag.FlagSet) { grepFlags(f, new(grepOptions)) }, Run: runGrep},
	{Name: "head", Usage: "[-n N] [FILE]...", Group: groupText, Summary: text{"print the first lines", "打印前几行"}, Words: fileWords,
		Run: func(c *Cmd) int { return c.runEnds(true) }},
	{Name: "tail", Usage: "[-n N] [FILE]...", Group: groupText, Summary: text{"print the last lines", "打印末几行"}, Words: fileWords,
		Run: func(c *Cmd) int { return c.runEnds(false) }},
	{Name: "wc", Usage: "[-lwc] [FILE]...", Group: groupText, Summary: text{"count lines, words and bytes", "统计行数、词数和字节数"}, Words: fileWords, Run: runWc},
	{Name: "sort", Usage: "[-nru] [FILE]...", Group: groupText, Summary: text{"sort lines", "排序"}, Words: fileWords, Run: runSort},
	{Name: "uniq", Usage: "[-c] [FILE]", Group: groupText, Summary: text{"drop repeated lines", "去除重复行"}, Words: fileWords, Run: runUniq},
	{Name: "ls", Usage: "[-l] [FILE|/etc]...", Group: groupText, Summary: text{"list the files that redirection has made", "列出重定向产生的文件"}, Run: runLs},
	{Name: "rm", Usage: "FILE...", Group: groupText, Summary: text{"remove files", "删除文件"}, Words: fileWords, Run: runRm},
}

func fileWords(s *Session, _ []string) []string {
	var out []string
	for _, i := range s.fs.list() {
		out = append(out, i.Name())
	}
	return out
}

func runCat(c *Cmd) int {
	args, st, ok := c.flags(func(*pflag.FlagSet) {})
	if !ok {
		return st
	}
	b, st := c.input(args)
	c.Out.Write(b)
	return st
}

type grepOptions struct{ ignore, invert, count, number, extended, only, fixed, quiet bool }

func grepFlags(f *pflag.FlagSet, o *grepOptions) {
	f.BoolVarP(&o.ignore, "ignore-case", "i", false, "letter case does not matter")
	f.BoolVarP(&o.invert, "invert-match", "v", false, "the lines that do not match")
	f.BoolVarP(&o.count, "count", "c", false, "their number only")
	f.BoolVarP(&o.number, "line-number", "n", false, "with line numbers")
	f.BoolVarP(&o.extended, "extended-regexp", "E", false, "extended regular expression")
	f.BoolVarP(&o.only, "only-matching", "o", false, "the parts that match only")
	f.BoolVarP(&o.fixed, "fixed-strings", "F", false, "plain text")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "nothing: the status tells")
}

// basicRegexp makes an extended regular expression of a basic one, in which the
// signs ?+|(){} are themselves unless a backslash stands before them.
func basicRegexp(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p) && strings.IndexByte("?+|(){}", p[i+1]) >= 0:
			i++
			b.WriteByte(p[i])
		case p[i] == '\\' && i+1 < len(p):
			b.WriteString(p[i : i+2])
			i++
		case strings.IndexByte("?+|(){}", p[i]) >= 0:
			b.WriteByte('\\')
			b.WriteByte(p[i])
		default:
			b.WriteByte(p[i])
		}
	}
	return b.String()
}

func runGrep(c *Cmd) int {
	var o grepOptions
	args, st, ok := c.flags(func(f *pflag.FlagSet) { grepFlags(f, &o) })
	if !ok {
		return st
	}
	if len(args) == 0 {
		return c.usage("%s", c.msg("need"))
	}
	pattern := args[0]
	switch {
	case o.fixed:
		pattern = regexp.QuoteMeta(pattern)
	case !o.extended:
		pattern = basicRegexp(pattern)
	}
	if o.ignore {
		pattern = "(?i)" + pattern
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return c.usage("%v", err)
	}
	b, st := c.input(args[1:])
	if st != 0 {
		return 2
	}
	n := 0
	for i, l := range readLines(b) {
		if re.MatchString(l) == o.invert {
			continue
		}
		n++
		if o.count || o.quiet {
			continue
		}
		prefix := ""
		if o.number {
			prefix = strconv.Itoa(i+1) + ":"
		}
		if !o.only || o.invert {
			c.printf("%s%s\n", prefix, l)
			continue
		}
		for _, m := range re.FindAllString(l, -1) {
			c.printf("%s%s\n", prefix, m)
		}
	}
	if o.count {
		c.printf("%d\n", n)
	}
	if n == 0 {
		return 1
	}
	return 0
}

// runEnds is head and tail.
func (c *Cmd) runEnds(first bool) int {
	if len(c.Args) > 0 && len(c.Args[0]) > 1 && c.Args[0][0] == '-' && c.Args[0][1] >= '0' && c.Args[0][1] <= '9' {
		c.Args = append([]string{"-n" + c.Args[0][1:]}, c.Args[1:]...)
	}
	var count string
	args, st, ok := c.flags(func(f *pflag.FlagSet) { f.StringVarP(&count, "lines", "n", "10", "how many lines") })
	if !ok {
		return st
	}
	n, err := strconv.Atoi(strings.TrimPrefix(count, "+"))
	if err != nil || n < 0 {
		return c.usage("%s", c.msg("badNumber", count))
	}
	b, st := c.input(args)
	lines := readLines(b)
	switch {
	case first:
		lines = lines[:min(n, len(lines))]
	case strings.HasPrefix(count, "+"):
		lines = lines[min(max(n-1, 0), len(lines)):]
	default:
		lines = lines[max(0, len(lines)-n):]
	}
	for _, l := range lines {
		c.printf("%s\n", l)
	}
	return st
}

func runWc(c *Cmd) int {
	var lines, words, chars bool
	args, st, ok := c.flags(func(f *pflag.FlagSet) {
		f.BoolVarP(&lines, "lines", "l", false, "lines")
		f.BoolVarP(&words, "words", "w", false, "words")
		f.BoolVarP(&chars, "bytes", "c", false, "bytes")
	})
	if !ok {
		return st
	}
	all := !lines && !words && !chars
	b, st := c.input(args)
	var out []string
	if lines || all {
		out = append(out, strconv.Itoa(bytes.Count(b, []byte("\n"))))
	}
	if words || all {
		out = append(out, strconv.Itoa(len(bytes.Fields(b))))
	}
	if chars || all {
		out = append(out, strconv.Itoa(len(b)))
	}
	if len(out) > 1 {
		for i := range out {
			out[i] = fmt.Sprintf("%7s", out[i])
		}
	}
	c.printf("%s\n", strings.Join(append(out, args...), " "))
	return st
}

func runSort(c *Cmd) int {
	var numeric, reverse, unique bool
	args, st, ok := c.flags(func(f *pflag.FlagSet) {
		f.BoolVarP(&numeric, "numeric-sort", "n", false, "by number")
		f.BoolVarP(&reverse, "reverse", "r", false, "the other way round")
		f.BoolVarP(&unique, "unique", "u", false, "each line once")
	})
	if !ok {
		return st
	}
	b, st := c.input(args)
	lines := readLines(b)
	slices.SortStableFunc(lines, func(x, y string) int {
		if numeric {
			if a, b := leadingNumber(x), leadingNumber(y); a != b {
				if a < b {
					return -1
				}
				return 1
			}
		}
		return strings.Compare(x, y)
	})
	if unique {
		lines = slices.Compact(lines)
	}
	if reverse {
		slices.Reverse(lines)
	}
	for _, l := range lines {
		c.printf("%s\n", l)
	}
	return st
}

func leadingNumber(s string) float64 {
	s = strings.TrimSpace(s)
	n := 0
	for n < len(s) && strings.IndexByte("-.0123456789", s[n]) >= 0 {
		n++
	}
	f, _ := strconv.ParseFloat(s[:n], 64)
	return f
}

func runUniq(c *Cmd) int {
	var count bool
	args, st, ok := c.flags(func(f *pflag.FlagSet) { f.BoolVarP(&count, "count", "c", false, "with how often each stood") })
	if !ok {
		return st
	}
	b, st := c.input(args)
	lines := readLines(b)
	for i := 0; i < len(lines); {
		n := 1
		for i+n < len(lines) && lines[i+n] == lines[i] {
			n++
		}
		if count {
			c.printf("%7d %s\n", n, lines[i])
		} else {
			c.printf("%s\n", lines[i])
		}
		i += n
	}
	return st
}

func runLs(c *Cmd) int {
	var long bool
	args, st, ok := c.flags(func(f *pflag.FlagSet) { f.BoolVarP(&long, "long", "l", false, "with size and time") })
	if !ok {
		return st
	}
	for _, a := range args {
		if _, err := c.S.fs.stat(a); err != nil {
			return c.fail("%s: %s", a, reason(err))
		}
	}
	files := c.S.fs.list()
	if len(args) > 0 && base(args[0])+"/" == etcDir {
		files, args = c.S.fs.listDir(etcDir), nil
	}
	for _, i := range files {
		if len(args) > 0 && base(args[0]) != "" && !slices.Contains(args, i.Name()) {
			continue
		}
		if long {
			c.printf("%s 1 root root %8d %s %s\n", i.Mode(), i.Size(), i.ModTime().Format("Jan _2 15:04"), i.Name())
		} else {
			c.printf("%s\n", i.Name())
		}
	}
	return 0
}

func runRm(c *Cmd) int {
	var force bool
	args, st, ok := c.flags(func(f *pflag.FlagSet) { f.BoolVarP(&force, "force", "f", false, "no word if there is no such file") })
	if !ok {
		return st
	}
	if len(args) == 0 {
		return c.usage("%s", c.msg("need"))
	}
	status := 0
	for _, a := range args {
		if err := c.S.fs.remove(a); err != nil && !force {
			status = c.fail("%s: %s", a, reason(err))
		}
	}
	return status
}
