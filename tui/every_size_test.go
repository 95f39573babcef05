package tui

import "testing"

// everyLook is a look for each thing that changes how wide text is.
func everyLook() []*look {
	return []*look{newLook("dark", "en", false), newLook("mono", "zh", true), newLook("light", "zh", false)}
}

// everySize draws a pane in every size from nothing up to a middling one and in a
// few large ones: what it draws always fits.
func everySize(t *testing.T, p pane, sc *scene) {
	t.Helper()
	for w := 0; w <= 90; w += sizeStep(w) {
		for h := 0; h <= 40; h += 1 + h/6 {
			checkCells(t, p.draw(sc, w, h), w, h, false)
		}
		if t.Failed() {
			t.Fatalf("at a width of %d, in %s", w, sc.lang)
		}
	}
	for w := 100; w <= 300; w += 37 {
		checkCells(t, p.draw(sc, w, 100), w, 100, false)
	}
	p.title(sc)
	p.text(sc)
}

// sizeStep is how far to go from a size to the next: every one counts, but for a
// short run, under the race detector, most of the large ones are like each other.
func sizeStep(size int) int {
	if testing.Short() && size >= 12 {
		return 11
	}
	return 1
}
