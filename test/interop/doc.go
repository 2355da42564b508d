// Package interop holds the tests against other people's programs, behind the build tag interop because they need Python: PyIceberg opens the
// table that taeld wrote, and the OpenTelemetry SDK for Python sends spans. `make test-interop` installs both and runs them.
package interop
