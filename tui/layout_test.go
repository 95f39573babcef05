package tui

import (
	"fmt"
	"testing"
)

// TestLayoutTilesTheScreen: at every size the slots and separators cover each
// cell once, and every pane has a place unless only the shell does.
func TestLayoutTilesTheScreen(t *testing.T) {
	for h := 0; h <= 70; h++ {
		for w := 0; w <= 260; w += 1 + w/40 {
			l := arrange(w, h, classOf(w, h+1), nil)
			covered := make([]int, w*h)
			mark := func(r rect) {
				for y := r.y; y < r.y+r.h; y++ {
					for x := r.x; x < r.x+r.w; x++ {
						if x < 0 || y < 0 || x >= w || y >= h {
							t.Fatalf("%dx%d: %v reaches outside", w, h, r)
						}
						covered[y*w+x]++
					}
				}
			}
			for _, s := range l.slots {
				mark(s.rect)
			}
			for _, b := range l.bars {
				mark(b)
			}
			for i, n := range covered {
				if n != 1 {
					t.Fatalf("%dx%d: the cell %d,%d is covered %d times", w, h, i%w, i/w, n)
				}
			}
			if l.class != sizeTiny {
				for id := paneShell; id < paneEnd; id++ {
					if l.slotOf(id) < 0 {
						t.Errorf("%dx%d has no place for pane %d", w, h, id)
					}
				}
			}
		}
	}
}

// TestBordersMove: a border goes where it is drawn to, neither side gets less
// than the least, and the rest stays.
func TestBordersMove(t *testing.T) {
	for _, size := range []struct{ w, h int }{{80, 23}, {120, 34}, {160, 44}, {220, 59}} {
		class := classOf(size.w, size.h+1)
		for i := range arrange(size.w, size.h, class, nil).dividers {
			for _, by := range []int{1, -1, 3, -4, 1000, -1000} {
				t.Run(fmt.Sprintf("%dx%d/%d/%+d", size.w, size.h, i, by), func(t *testing.T) {
					moved := make(shares)
					l := arrange(size.w, size.h, class, moved)
					d := l.dividers[i]
					l.move(d, by, moved)
					after := arrange(size.w, size.h, class, moved)
					got := after.dividers[i].y - d.y
					if d.side {
						got = after.dividers[i].x - d.x
					}
					switch {
					case by > -10 && by < 10 && got != by:
						t.Errorf("moved by %d, asked for %d", got, by)
					case got*by < 0:
						t.Errorf("moved by %d, asked for %d", got, by)
					}
					for _, s := range after.slots {
						if s.h < leastH || s.w < leastW {
							t.Errorf("a slot of %dx%d", s.w, s.h)
						}
					}
				})
			}
		}
	}
}
