package stack

import (
	"sync"
	"testing"
)

// TestAddressIsKept holds that an object that somebody asks about now and then
// keeps its address however many others there are, and that those are forgotten.
func TestAddressIsKept(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	kept := new(struct{ n int })
	want, ok := s.Address(kept)
	if !ok || want != firstPlace {
		t.Fatalf("the first object is at %#x (%v), want %#x", want, ok, uint64(firstPlace))
	}
	given := map[uint64]bool{want: true}
	for i := range 20 * placesKept {
		addr, ok := s.Address(new(struct{ n int }))
		if !ok || given[addr] {
			t.Fatalf("object %d is at %#x (%v), which is another's", i, addr, ok)
		}
		given[addr] = true
		if i%placesKept == 0 {
			if got, _ := s.Address(kept); got != want {
				t.Fatalf("after %d others the object is at %#x, it was at %#x", i, got, want)
			}
		}
	}
	if n := len(s.places.young) + len(s.places.old); n > 2*placesKept {
		t.Errorf("%d addresses are kept, want at most %d", n, 2*placesKept)
	}
}

// TestAddressFromTwoSides asks from two goroutines at once, as the debugger and a
// screen do.
func TestAddressFromTwoSides(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	objects := make([]*struct{ n int }, 100)
	for i := range objects {
		objects[i] = new(struct{ n int })
	}
	var got [2][100]uint64
	var both sync.WaitGroup
	for side := range got {
		both.Go(func() {
			for i, o := range objects {
				got[side][i], _ = s.Address(o)
			}
		})
	}
	both.Wait()
	if got[0] != got[1] {
		t.Errorf("one side was told\n%x, the other\n%x", got[0], got[1])
	}
}
