// Command taeld keeps the telemetry of AI agents and the services around them: OTLP in, durable on acknowledgement, Parquet in an Iceberg
// table after minutes, one REST API over both.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/taeldb/tael/ingest/otlp"
)

// commands are the sub-commands.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Run the daemon."`
	Config  configCommand  `cmd:"" help:"Print the configuration that serve would run with, and where each value comes from."`
	Flush   flushCommand   `cmd:"" help:"Move everything acknowledged to the cold tier, now."`
	Inspect inspectCommand `cmd:"" help:"Print any file that taeld writes: a hot segment, a Parquet file, a table."`
	Loadgen loadgenCommand `cmd:"" help:"Send generated spans to a taeld, and check that they are there."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	otlp.RegisterCompressors()
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(os.Stderr, "taeld:", line)
		}
		os.Exit(1)
	}
}

// errExit ends kong's parse where it would end the process.
var errExit = errors.New("exit")

func run(args []string, stdout, stderr io.Writer) (err error) {
	file, err := fileOf(args)
	if err != nil {
		return err
	}
	var c commands
	options := []kong.Option{
		kong.Name("taeld"), kong.Description("A store for the traces of AI agents and the services around them."),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { panic(errExit) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.BindTo(stdout, (*io.Writer)(nil)), kong.Bind(file),
	}
	if file != nil {
		options = append(options, kong.Resolvers(file))
	}
	defer func() {
		if p := recover(); p != nil && p != errExit { //nolint:errorlint // it is the very value
			panic(p)
		}
	}()
	parser, err := kong.New(&c, options...)
	if err != nil {
		return err
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		return err
	}
	switch ctx.Selected().Name {
	case "serve":
		return c.Serve.Run(stderr)
	default:
		return ctx.Run()
	}
}
