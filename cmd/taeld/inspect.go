package main

import (
	"errors"
	"io"
)

// inspectCommand prints what a file of ours holds.
type inspectCommand struct {
	Path string `arg:"" help:"File or directory."`
}

// Run implements kong's command.
func (c *inspectCommand) Run(io.Writer) error {
	return errors.New("inspect " + c.Path + ": not understood")
}
