package shell

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// referenceHead begins the command reference.
const referenceHead = `# Commands

Made from the command table (` + "`go test ./shell -run Reference -update`" + ` writes this page); at the prompt ` + "`help NAME`" + ` and
` + "`NAME --help`" + ` say the same. A line may combine commands with the shell's own syntax: | ; & && || > >> < $? and loops. The debugger's
commands are its own: ` + "`gdb help`" + ` lists them.
`

// Reference is the command reference as Markdown: every command with its usage,
// its help and its flags, in groups.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	all := newTable().all
	for g := groupLab; g <= groupShell; g++ {
		title := groups[g].in("en")
		if g == groupLab {
			title = "The laboratory's own"
		}
		fmt.Fprintf(&b, "\n## %s\n", title)
		for _, c := range all {
			if c.Group == g && !c.Hidden {
				c.reference(&b)
			}
		}
	}
	return b.String()
}

// reference writes one command's entry.
func (c *Command) reference(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n", c.Name, sentence(c.Summary.in("en")))
	fmt.Fprintf(b, "\n```text\n%s\n```\n", strings.TrimSpace(c.Name+" "+c.Usage))
	if h := c.Help.in("en"); h != "" {
		fmt.Fprintf(b, "\n```text\n%s\n```\n", strings.TrimSpace(h))
	}
	if c.Flags == nil {
		return
	}
	f := pflag.NewFlagSet(c.Name, pflag.ContinueOnError)
	f.SortFlags = false
	c.Flags(f)
	if usages := f.FlagUsages(); usages != "" {
		fmt.Fprintf(b, "\n```text\n%s```\n", usages)
	}
}

// sentence is a summary as a sentence.
func sentence(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.ContainsAny(s[len(s)-1:], ".:!?") {
		s += "."
	}
	return s
}
