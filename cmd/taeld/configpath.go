package main

import (
	"os"
	"strings"
)

// fileOf finds the configuration file that is named by --config or TAEL_CONFIG, before the rest is parsed with its values; nil for none.
func fileOf(args []string) (*configFile, error) {
	path := os.Getenv("TAEL_CONFIG")
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if arg == "--config" && i+1 < len(args) {
			path = args[i+1]
		} else if value, ok := strings.CutPrefix(arg, "--config="); ok {
			path = value
		}
	}
	if path == "" {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	return readConfigFile(path)
}
