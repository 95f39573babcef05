package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"menuos/shell"
	"menuos/tui"
)

// screenOptions are the flags that concern the screen alone.
type screenOptions struct {
	plain  bool
	theme  string
	glyphs string
	mouse  bool
}

func (o *screenOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.plain, "plain", false, "the line-mode shell instead of the screen")
	f.StringVar(&o.theme, "theme", "auto", "colours of the screen: `THEME` is auto, dark, light, high-contrast or mono")
	f.StringVar(&o.glyphs, "glyphs", "auto", "draw with `GLYPHS`: auto, unicode or ascii")
	f.BoolVar(&o.mouse, "mouse", true, "take clicks and the wheel (--mouse=false leaves them to the terminal)")
}

func (o *screenOptions) check() error {
	if !tui.ThemeKnown(o.theme) {
		return usageError{fmt.Errorf("--theme %s: it is %s", o.theme, strings.Join(tui.Themes(), ", "))}
	}
	if known := []string{"auto", "unicode", "ascii"}; !slices.Contains(known, o.glyphs) {
		return usageError{fmt.Errorf("--glyphs %s: it is %s", o.glyphs, strings.Join(known, ", "))}
	}
	return nil
}

// usable tells whether there is a terminal that the screen can be drawn on; if it
// is only too small, why says so.
func (o *screenOptions) usable(lang string) (ok bool, why string) {
	if o.plain || !shell.Terminal() {
		return false, ""
	}
	if t := os.Getenv("TERM"); t == "dumb" || t == "" && runtime.GOOS != "windows" {
		return false, ""
	}
	w, h, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return false, ""
	}
	if !tui.Fits(w, h) {
		return false, tui.TooSmall(w, h, lang)
	}
	return true, ""
}

// show runs the screen.
func (o *screenOptions) show(ctx context.Context, cfg shell.Config, speed float64, gdbFiles []string) error {
	w, h, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return err
	}
	ascii := o.glyphs == "ascii" || o.glyphs == "auto" && tui.WideBoxes(os.Stdin, os.Stdout)
	code, err := tui.Run(ctx, tui.Config{Shell: cfg, Speed: speed, Theme: o.theme, ASCII: ascii, Mouse: o.mouse,
		GdbFiles: gdbFiles, Width: w, Height: h})
	if trace := tui.Trace(err); trace != "" {
		fmt.Fprintf(os.Stderr, "%s\n", trace)
		return fmt.Errorf("a fault of menuos, not of yours: %w", err)
	}
	if err != nil {
		return err
	}
	if code != 0 {
		return status(code)
	}
	return nil
}

// noWaiting is the speed of a virtual clock on the screen: waiting takes no time.
var noWaiting = math.Inf(1)
