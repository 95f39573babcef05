// Names that were perhaps meant.

package debug

import (
	"fmt"
	"slices"
	"strings"
)

// maxNear is how many names a "did you mean" offers.
const maxNear = 5

// distance is the number of letters to insert, delete, change or swap with
// their neighbour to make b of a.
func distance(a, b string) int {
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}

// nearest are the names most like the given one, best first; none if none is
// like it.
func nearest(name string, names []string) []string {
	type match struct {
		name string
		d    int
	}
	limit := max(1, len(name)/3)
	var found []match
	for _, n := range names {
		d := distance(strings.ToLower(name), strings.ToLower(n))
		if len(name) >= 4 && strings.Contains(n, name) {
			d = min(d, limit)
		}
		if d <= limit && !slices.ContainsFunc(found, func(m match) bool { return m.name == n }) {
			found = append(found, match{n, d})
		}
	}
	slices.SortStableFunc(found, func(a, b match) int {
		if a.d != b.d {
			return a.d - b.d
		}
		return strings.Compare(a.name, b.name)
	})
	var out []string
	for _, m := range found[:min(len(found), maxNear)] {
		out = append(out, m.name)
	}
	return out
}

// meant makes gdb's error, and a second line that names what was perhaps meant.
func (d *Debugger) meant(err error, name string, names []string) error {
	near := nearest(name, names)
	if len(near) == 0 {
		return err
	}
	return fmt.Errorf("%w\n%s", err, d.msg("didYouMean", strings.Join(near, ", ")))
}

func (d *Debugger) funcNames() []string {
	var names []string
	for _, s := range d.t.Syms() {
		names = append(names, s.Name)
	}
	return names
}
