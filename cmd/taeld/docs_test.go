package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

const configurationHead = `# Configuration

This page is written by ` + "`go test ./cmd/taeld -run TestConfigurationPage -update`" + `.

Every option of ` + "`taeld serve`" + ` is a flag, an environment variable and a key of a YAML file that ` + "`--config`" + ` (or ` + "`TAEL_CONFIG`" + `) names. A flag wins over the environment,
the environment over the file, the file over the default. An unknown key or a value that cannot be read stops the start and is named.
` + "`taeld config`" + ` prints the result, with the source of each value, and checks it; it takes the same flags.

    # taeld.yaml
    data-dir: /var/lib/tael
    hot-max-age: 5m
    retention: 14d

Sizes are bytes, or have a unit: ` + "`256MiB`, `10GB`" + `. Times have a unit: ` + "`200ms`, `90s`, `10m`, `12h`, `30d`" + `.

Credentials for S3 come from the standard AWS places: ` + "`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, `~/.aws`" + `, web identity, container and instance roles.
`

// configurationPage writes the table of options out of the flags.
func configurationPage(t *testing.T) string {
	var b strings.Builder
	b.WriteString(configurationHead)
	flags, _ := serveFlagsOf(t)
	group := ""
	for _, f := range flags {
		if f.Name == "config" {
			continue
		}
		if f.Group.Key != group {
			group = f.Group.Key
			fmt.Fprintf(&b, "\n## %s\n\n| Flag | Environment | YAML key | Default | |\n|---|---|---|---|---|\n", group)
		}
		value := ""
		if f.HasDefault {
			value = "`" + f.Default + "`"
		} else if f.IsBool() {
			value = "`false`"
		}
		help := strings.ReplaceAll(f.Help, "${enum}", strings.ReplaceAll(f.Enum, ",", ", "))
		help = strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;").Replace(help)
		fmt.Fprintf(&b, "| `--%s` | `%s` | `%s` | %s | %s |\n", f.Name, strings.Join(f.Envs, "`, `"), f.Name, value, help)
	}
	return b.String()
}

func TestConfigurationPageIsCurrent(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	want := configurationPage(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Fatalf("docs/configuration.md is not what the flags say (%v): run go test ./cmd/taeld -run TestConfigurationPage -update", err)
	}
}
