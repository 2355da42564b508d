package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// configFile is a YAML file of one level, whose keys are the names of the flags of serve. A flag on the command line wins over the environment, which
// wins over the file, which wins over the default.
type configFile struct {
	path   string
	values map[string]any
}

func readConfigFile(path string) (*configFile, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	f := &configFile{path: path}
	if err := yaml.Unmarshal(b, &f.values); err != nil {
		return nil, fmt.Errorf("configuration file %s: %w", path, err)
	}
	var problems []error
	for key, value := range f.values {
		switch value.(type) {
		case map[string]any, []any, nil:
			problems = append(problems, fmt.Errorf("configuration file %s: key %q: want one value", path, key))
		}
	}
	return f, joined(problems)
}

// joined is the problems in an order that does not change from run to run.
func joined(problems []error) error {
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

// Validate implements kong.Resolver: a key that is no flag of serve stops the start.
func (f *configFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, node := range app.Children {
		if node.Name == "serve" {
			for _, flag := range node.Flags {
				known[flag.Name] = true
			}
		}
	}
	var problems []error
	for key := range f.values {
		if !known[key] || key == "config" {
			problems = append(problems, fmt.Errorf("configuration file %s: unknown key %q", f.path, key))
		}
	}
	return joined(problems)
}

// Resolve implements kong.Resolver. Kong asks resolvers after the environment, whose values would lose, so that is looked at here.
func (f *configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if envOf(flag) != "" {
		return nil, nil //nolint:nilnil // kong's way to say "no value"
	}
	if v, ok := f.values[flag.Name]; ok {
		return fmt.Sprint(v), nil
	}
	return nil, nil //nolint:nilnil // kong's way to say "no value"
}

// envOf is the environment variable that sets the flag, "" for none.
func envOf(flag *kong.Flag) string {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return name
		}
	}
	return ""
}

// setting is one line of taeld config.
type setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// settings lists the options as they are in force, with where each value came from.
func settings(ctx *kong.Context, file *configFile) []setting {
	given := map[string]bool{}
	for _, p := range ctx.Path {
		if p.Flag != nil && !p.Resolved {
			given[p.Flag.Name] = true
		}
	}
	var out []setting
	for _, flag := range ctx.Selected().Flags {
		if flag.Hidden || flag.Name == "help" || flag.Name == "config" || flag.Name == "json" {
			continue
		}
		s := setting{Name: flag.Name, Value: fmt.Sprint(flag.Target.Interface()), Source: "default"}
		switch {
		case given[flag.Name]:
			s.Source = "flag"
		case envOf(flag) != "":
			s.Source = "environment " + envOf(flag)
		case file != nil && file.values[flag.Name] != nil:
			s.Source = "file " + file.path
		}
		out = append(out, s)
	}
	return out
}

// configCommand prints the configuration that serve would run with.
type configCommand struct {
	serveFlags `embed:""`
	JSON       bool `name:"json" help:"Print JSON."`
}

// Run implements kong's command.
func (c *configCommand) Run(ctx *kong.Context, file *configFile, out io.Writer) error {
	all := settings(ctx, file)
	if c.JSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(all); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		for _, s := range all {
			if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.Value, s.Source); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return c.check()
}
