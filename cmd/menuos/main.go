// Command menuos is the laboratory's MenuOS on a Linux 5.0.1 TCP/IP stack.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"menuos/shell"
	"menuos/stack"
)

func main() { os.Exit(Main()) }

// usageError is a mistake in the command line: exit status 2.
type usageError struct{ error }

// status is the exit status of a run that has said what was wrong.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// Main is the program; it returns the exit status.
func Main() int {
	err := command().Execute()
	var usage usageError
	var code status
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "menuos: %v\nTry 'menuos --help'.\n", err)
		return 2
	}
	fmt.Fprintf(os.Stderr, "menuos: %v\n", err)
	return 1
}

type options struct {
	script   string
	gdbFiles []string
	seed     uint64
	clock    string
	speed    float64
	lang     string
	faithful bool
	screen   screenOptions
	tap      tapOptions
}

func command() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "menuos [flags]",
		Short: "The TCP/IP laboratory: MenuOS and gdb on a Linux 5.0.1 stack",
		Long: `menuos is the laboratory's MenuOS on the TCP/IP stack of Linux 5.0.1, function for
function. Type replyhi and hello; gdb b tcp_v4_rcv stops the machine there, gdb bt
prints the backtrace, gdb c lets it go on. help lists the commands.`,
		Example: `  menuos
  menuos --plain
  menuos -c 'replyhi; hello'
  menuos -x lab.gdb -c 'replyhi; hello'
  menuos --tap tap0 --netns new`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{unknown("command", args[0], subcommands(cmd))}
			}
			return run(cmd, &o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.script, "command", "c", "", "run these shell `COMMANDS` (newlines or ; between them), then exit")
	f.StringArrayVarP(&o.gdbFiles, "gdb", "x", nil, "first run the gdb commands in `FILE`; may be repeated")
	o.screen.flags(cmd)
	f.Uint64Var(&o.seed, "seed", 0, "the machine's random `SEED`: the same one gives the same run")
	f.StringVar(&o.clock, "clock", "", "`virtual` (waiting takes no time) or real (default: real on the screen, else virtual)")
	f.Float64Var(&o.speed, "speed", 1, "of a real clock: machine seconds a second")
	f.StringVar(&o.lang, "lang", "", "`LANGUAGE` of our own words: en or zh (default: the environment's)")
	f.BoolVar(&o.faithful, "faithful", false, "the laboratory's own texts, its mistakes included")
	o.tap.flags(cmd)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{nearFlag(cmd, err)} })
	cmd.SetVersionTemplate("menuos {{.Version}} (Linux " + shell.LinuxVersion + ")\n")
	cmd.SetHelpCommand(&cobra.Command{Hidden: true})
	cmd.AddCommand(packetdrillCommand())
	return cmd
}

func run(cmd *cobra.Command, o *options) error {
	cfg := shell.Config{Seed: o.seed, Speed: o.speed, Faithful: o.faithful, Out: os.Stdout, Err: os.Stderr, Version: version()}
	if err := o.screen.check(); err != nil {
		return err
	}
	switch o.clock {
	case "", "virtual":
	case "real":
		cfg.Clock = stack.ClockReal
	default:
		return usageError{fmt.Errorf("--clock %s: it is virtual or real", o.clock)}
	}
	if !(o.speed > 0) {
		return usageError{fmt.Errorf("--speed %g: it must be more than 0", o.speed)}
	}
	lang, ok := shell.Language(o.lang)
	if !ok {
		return usageError{fmt.Errorf("--lang %s: it is en or zh", o.lang)}
	}
	cfg.Lang = lang
	link, err := o.tap.config(cmd)
	if err != nil {
		return err
	}
	if o.tap.given() {
		if o.clock == "virtual" {
			return usageError{errors.New("--clock virtual: a host answers in its own time, so with --tap and --tun the clock is real")}
		}
		o.tap.connect(&cfg, link)
		defer o.tap.close()
	}
	scripted := cmd.Flags().Changed("command") || o.tap.netnsExec != ""
	cfg.Interactive = !scripted && shell.Terminal()

	// A file that is missing is told before anything runs.
	for _, name := range o.gdbFiles {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		f.Close()
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	banner := !o.screen.plain
	if !scripted {
		ok, why := o.screen.usable(cfg.Lang)
		if ok {
			return o.show(ctx, cfg)
		}
		if why != "" {
			fmt.Fprintln(os.Stderr, why)
			banner = false // there is no room for it either
		}
	}
	s, err := shell.New(cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	if scripted {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
	}
	failed := 0
	for _, name := range o.gdbFiles {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		failed = max(failed, s.SourceGdb(ctx, f, name))
		f.Close()
	}
	if scripted {
		failed = max(failed, s.RunScript(ctx, o.script))
		if o.tap.netnsExec != "" {
			code, err := o.tap.beside(ctx, s)
			if err != nil {
				return err
			}
			failed = max(failed, code)
		}
	} else {
		failed = max(failed, s.Interact(ctx, banner))
	}
	if failed != 0 {
		return status(failed)
	}
	return nil
}

// show runs the screen: its machine's clock is real, so that timers run down
// before one's eyes.
func (o *options) show(ctx context.Context, cfg shell.Config) error {
	cfg.Clock = stack.ClockReal
	speed := o.speed
	if o.clock == "virtual" {
		speed = noWaiting
	}
	return o.screen.show(ctx, cfg, speed, o.gdbFiles)
}

// nearFlag adds the flag that was meant to an error about an unknown one.
func nearFlag(cmd *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		return fmt.Errorf("--%s %s: it takes a number (%s)", bad.GetFlag().Name, bad.GetValue(), bad.GetFlag().Value.Type())
	}
	var e *pflag.NotExistError
	if !errors.As(err, &e) {
		return err
	}
	name := e.GetSpecifiedName()
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := shell.Nearest(name, names); len(near) > 0 {
		return fmt.Errorf("%w; did you mean --%s?", err, near[0])
	}
	return err
}

func subcommands(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}

// unknown says that something is not known, and what may have been meant.
func unknown(kind, name string, known []string) error {
	if near := shell.Nearest(name, known); len(near) > 0 {
		return fmt.Errorf("unknown %s %q; did you mean %s?", kind, name, near[0])
	}
	if slices.Contains(shell.CommandNames(), strings.Fields(name + " ")[0]) {
		return fmt.Errorf("unknown %s %q; shell commands go behind -c: menuos -c %q", kind, name, name)
	}
	return fmt.Errorf("unknown %s %q", kind, name)
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
