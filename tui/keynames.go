// Keys as people read them.

package tui

import (
	"slices"
	"strings"
)

// keyNames are the keys whose name is not a letter.
var keyNames = map[string]string{
	"space": "Space", "enter": "Enter", "esc": "Esc", "tab": "Tab", "pgup": "PgUp", "pgdown": "PgDn", "home": "Home", "end": "End",
	"up": "Up", "down": "Down", "left": "Left", "right": "Right", "backspace": "Backspace", "delete": "Del",
}

// keyName is a key of the key table as it is written for people: Ctrl-K, F5.
func keyName(key string) string {
	mod, rest := "", key
	for {
		head, tail, ok := strings.Cut(rest, "+")
		if !ok || head == "" || tail == "" {
			break
		}
		mod += strings.ToUpper(head[:1]) + head[1:] + "-"
		rest = tail
	}
	switch name, ok := keyNames[rest]; {
	case ok:
		rest = name
	case len(rest) > 1 && rest[0] == 'f' && rest[1] >= '0' && rest[1] <= '9':
		rest = "F" + rest[1:]
	case strings.HasPrefix(mod, "Ctrl-"):
		rest = strings.ToUpper(rest)
	}
	return mod + rest
}

// keysShown are the keys of a binding, without the ones that only stand in for
// another on some terminals.
func keysShown(b *binding) []string {
	var out []string
	for _, k := range b.keys {
		if k != "ctrl+j" {
			out = append(out, keyName(k))
		}
	}
	return out
}

// keyRow is an action with all its keys, as a list of keys shows it.
type keyRow struct {
	*binding // the first one of the action in its group
	keys     []string
}

// keyRows are the rows of the key table in their groups. An action that has keys
// in several rows, one of them for prompts, is one row here.
func keyRows(group int) []keyRow {
	var out []keyRow
	for i := range bindings {
		b := &bindings[i]
		if b.group != group {
			continue
		}
		at := slices.IndexFunc(out, func(r keyRow) bool { return b.act != actNone && r.act == b.act })
		if at < 0 {
			at = len(out)
			out = append(out, keyRow{binding: b})
		}
		for _, k := range keysShown(b) {
			if !slices.Contains(out[at].keys, k) {
				out[at].keys = append(out[at].keys, k)
			}
		}
	}
	return out
}

// ours is a sentence of ours on this screen: without Unicode's signs if it draws
// with ASCII alone.
func (l *look) ours(s string) string {
	if !l.glyph.ascii {
		return s
	}
	return asciiSigns.Replace(s)
}

var asciiSigns = strings.NewReplacer("…", "..", "·", "|", "–", "-", "—", "-", "↑", "^", "↓", "v")

// alone tells whether an action means something when it is chosen from a list
// instead of with its key: those that move within a pane do not.
func (a action) alone() bool { return a != actNone && (a < actUp || a > actEnter) }

// named cuts "step: to the next entry" into its name and the rest; a sentence
// without a name is all rest.
func named(s string) (name, rest string) {
	for _, colon := range []string{": ", ":", "\uff1a"} {
		if name, rest, ok := strings.Cut(s, colon); ok && cells(name) <= 12 {
			return name, rest
		}
	}
	return "", s
}
