// help, out of the command table.

package debug

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// CommandInfo is one of the debugger's commands, for what lists them.
type CommandInfo struct {
	Name    string
	Aliases []string
	Usage   string // the name and its arguments
	help    text
}

// Summary is what the command does, in a sentence in a language.
func (c CommandInfo) Summary(lang string) string { return firstSentence(c.help.in(lang)) }

// Commands lists the debugger's commands, in the order of its help.
func Commands() []CommandInfo {
	var out []CommandInfo
	all := commands()
	for g := group(0); g < groups; g++ {
		for _, c := range all {
			if c.group == g {
				names := strings.Fields(c.names)
				out = append(out, CommandInfo{names[0], names[1:], c.usage, c.help})
			}
		}
	}
	return out
}

func (d *Debugger) cmdHelp(c *call) error {
	if c.args == "" {
		d.helpAll(c)
		return nil
	}
	name, rest := splitWord(c.args)
	if u := d.user[name]; u != nil && rest == "" {
		doc := "User-defined."
		if len(u.doc) > 0 {
			doc = strings.Join(u.doc, "\n")
		}
		c.printf("%s\n", doc)
		return nil
	}
	table, prefix := d.cmds, ""
	var cmd *command
	for word := name; word != ""; word, rest = splitWord(rest) {
		var names []string
		if cmd, names = find(table, word); cmd == nil {
			return undefined(prefix, word, names)
		}
		table, prefix = cmd.sub, prefix+cmd.name()+" "
	}
	d.helpOne(c, cmd)
	return nil
}

func (d *Debugger) helpAll(c *call) {
	c.printf("%s\n", d.msg("helpIntro"))
	for g := group(0); g < groups; g++ {
		c.printf("\n%s\n", d.msg(fmt.Sprintf("group%d", g)))
		for _, cmd := range d.cmds {
			if cmd.group == g {
				c.printf("  %-12s %s\n", cmd.name(), firstSentence(d.pick(cmd.help)))
			}
		}
	}
	c.printf("\n%s\n", d.msg("helpMore"))
}

// firstSentence is a help text up to its first full stop.
func firstSentence(s string) string {
	for _, stop := range []string{". ", "。", "; ", ";"} {
		if head, _, ok := strings.Cut(s, stop); ok {
			s = head
		}
	}
	return strings.TrimSuffix(s, ".")
}

func (d *Debugger) helpOne(c *call, cmd *command) {
	c.printf("%s\n%s\n", d.pick(cmd.help), d.msg("usage", cmd.usage))
	if _, also, ok := strings.Cut(cmd.names, " "); ok {
		c.printf("%s\n", d.msg("aliases", strings.Join(strings.Fields(also), ", ")))
	}
	for _, sub := range cmd.sub {
		c.printf("  %s %-12s %s\n", cmd.name(), sub.name(), d.pick(sub.help))
	}
}

// cmdSubs is a prefix command without its second word.
func (d *Debugger) cmdSubs(c *call) error {
	cmd, _ := find(d.cmds, c.name)
	c.printf("List of %s subcommands:\n\n", cmd.name())
	for _, sub := range cmd.sub {
		c.printf("%s -- %s\n", sub.usage, d.pick(sub.help))
	}
	return nil
}
