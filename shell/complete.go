package shell

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Complete lists what the word before pos may become: head and tail are what
// stands before and behind it.
func (s *Session) Complete(line string, pos int) (head string, words []string, tail string) {
	before, tail := line[:pos], line[pos:]
	if s.gdb.raw(s) {
		head, words = s.completeGdb(before)
		return head, words, tail
	}
	start := strings.LastIndexAny(before, ";|&") + 1
	for start < len(before) && before[start] == ' ' {
		start++
	}
	if rest := before[start:]; isGdb(rest) && rest != "gdb" {
		at := len(before) - len(strings.TrimLeft(rest[len("gdb"):], " \t"))
		head, words = s.completeGdb(before[at:])
		return before[:at] + head, words, tail
	}
	at := strings.LastIndexAny(before, " \t;|&<>") + 1
	word := before[at:]
	fields := strings.Fields(before[start:at])
	var all []string
	switch {
	case at > 0 && at <= len(before) && strings.ContainsAny(before[max(0, at-2):at], "<>"):
		all = fileWords(s, nil)
	case len(fields) == 0:
		all = s.cmds.names()
	default:
		cmd := s.cmds.byName[fields[0]]
		if cmd == nil {
			all = fileWords(s, nil)
			break
		}
		if strings.HasPrefix(word, "-") && cmd.Flags != nil {
			f := pflag.NewFlagSet("", pflag.ContinueOnError)
			cmd.Flags(f)
			f.VisitAll(func(f *pflag.Flag) {
				all = append(all, "--"+f.Name)
				if f.Shorthand != "" {
					all = append(all, "-"+f.Shorthand)
				}
			})
		} else if cmd.Words != nil {
			all = cmd.Words(s, fields[1:])
		}
	}
	for _, w := range all {
		if strings.HasPrefix(w, word) {
			words = append(words, w+" ")
		}
	}
	slices.Sort(words)
	return before[:at], slices.Compact(words), tail
}

// CompleteGdb is Complete at the debugger's prompt.
func (s *Session) CompleteGdb(line string, pos int) (head string, words []string, tail string) {
	head, words = s.completeGdb(line[:pos])
	return head, words, line[pos:]
}

// completeGdb cuts what the debugger's whole lines have in common with what is
// there: up to the last blank or operator.
func (s *Session) completeGdb(before string) (head string, words []string) {
	at := strings.LastIndexAny(before, " \t>.(&*!") + 1
	var all []string
	s.m.Still(func() { all = s.dbg.Complete(before) })
	for _, w := range all {
		if strings.HasPrefix(w, before[:at]) {
			words = append(words, w[at:])
		}
	}
	return before[:at], words
}
