package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"menuos/testscript/packetdrill"
)

// packetdrillCommand is menuos packetdrill: it runs scripts of packets and
// system calls, each on a machine of its own.
func packetdrillCommand() *cobra.Command {
	var opt packetdrill.Options
	var verbose, notes bool
	cmd := &cobra.Command{
		Use:   "packetdrill FILE.pkt…",
		Short: "Run packetdrill scripts against the stack, in virtual time",
		Example: `  menuos packetdrill fast-retransmit.pkt
  menuos packetdrill -v handshake.pkt`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				return usageError{fmt.Errorf("packetdrill: no script given")}
			}
			ctx := cmd.Context()
			if ctx == nil {
				ctx = context.Background()
			}
			ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
			defer stop()
			if verbose {
				opt.Trace = os.Stdout
			}
			if notes || verbose {
				opt.Log = os.Stderr
			}
			failed := false
			for _, name := range files {
				if err := runScript(ctx, name, opt); err != nil {
					failed = true
				}
				if ctx.Err() != nil {
					return status(130)
				}
			}
			if failed {
				return status(1)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVarP(&verbose, "verbose", "v", false, "print every packet and call with its time")
	f.BoolVar(&notes, "notes", false, "tell what in the scripts is ignored")
	f.Uint64Var(&opt.Seed, "seed", 0, "the machine's random `SEED`")
	f.BoolVar(&opt.AnyPush, "any-push", false, "do not compare PSH flags: kernels differ in where they set them")
	f.DurationVar(&opt.Latency, "latency", 0, "let every packet and call be `TIME` late, as on a real machine")
	return cmd
}

// runScript runs one script and says how it went.
func runScript(ctx context.Context, name string, opt packetdrill.Options) error {
	f, err := os.Open(name)
	if err == nil {
		defer f.Close()
		err = packetdrill.Run(ctx, name, f, opt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return err
	}
	fmt.Println("ok", name)
	return nil
}
