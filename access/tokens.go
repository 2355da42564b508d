// Package access decides who may do what at every door: bearer tokens with their tenant and roles, and the tenant that a
// request names. The doors (ingest/otlp, api) ask it once for each request.
package access

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/taeldb/tael"
)

// Role is what a token may do.
type Role uint8

// The roles. A token without a role= has all of them.
const (
	RoleRead  Role = 1 << iota // the read routes and /metrics
	RoleWrite                  // the OTLP doors
	RoleAdmin                  // /api/v1/admin/ and, when enabled, /debug/pprof/
)

const allRoles = RoleRead | RoleWrite | RoleAdmin

var roleNames = map[string]Role{"read": RoleRead, "write": RoleWrite, "admin": RoleAdmin}

// Errors of Authorize; each door answers them in its own protocol (401 or UNAUTHENTICATED, 403 or PERMISSION_DENIED).
var (
	ErrUnauthenticated = errors.New("no valid bearer token")
	ErrForbidden       = errors.New("the token does not allow this")
)

// Tokens is the set of known tokens. The nil *Tokens allows everybody everything. It is immutable and safe for concurrent use.
type Tokens struct {
	byHash map[[sha256.Size]byte]grant // by hash, so that a look-up takes the same time whatever prefix is right
}

type grant struct {
	tenant string // "" is any
	roles  Role
}

// minToken is the shortest token accepted, so that an empty or trivial line does not open the store.
const minToken = 16

// LoadTokens reads a token file: one token a line, then optionally tenant=<name> and role=<read|write|admin>[,...].
// Empty lines and lines that start with # are left out. Every bad line is reported, by number and without its token.
func LoadTokens(path string) (*Tokens, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("token file: %w", err)
	}
	defer f.Close()
	t, err := ReadTokens(f)
	if err != nil {
		return nil, fmt.Errorf("token file %s: %w", path, err)
	}
	return t, nil
}

// ReadTokens reads the lines that LoadTokens describes.
func ReadTokens(r io.Reader) (*Tokens, error) {
	t := &Tokens{byHash: map[[sha256.Size]byte]grant{}}
	var problems []error
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		g, err := readGrant(fields)
		hash := sha256.Sum256([]byte(fields[0]))
		if _, twice := t.byHash[hash]; err == nil && twice {
			err = fmt.Errorf("%w: the token stands on an earlier line too", tael.ErrInvalid)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		t.byHash[hash] = g
	}
	if err := lines.Err(); err != nil {
		problems = append(problems, err)
	}
	if len(problems) == 0 && len(t.byHash) == 0 {
		problems = append(problems, fmt.Errorf("%w: no token in it", tael.ErrInvalid))
	}
	return t, errors.Join(problems...)
}

func readGrant(fields []string) (grant, error) {
	g := grant{roles: allRoles}
	if len(fields[0]) < minToken {
		return g, fmt.Errorf("%w: a token has at least %d characters", tael.ErrInvalid, minToken)
	}
	for i, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "tenant":
			if err := tael.CheckTenant(value); err != nil {
				return g, err
			}
			g.tenant = value
		case "role":
			g.roles = 0
			for name := range strings.SplitSeq(value, ",") {
				role, ok := roleNames[name]
				if !ok {
					return g, fmt.Errorf("%w: role %q: want read, write or admin", tael.ErrInvalid, name)
				}
				g.roles |= role
			}
		default:
			// Not shown: it may be a second token.
			return g, fmt.Errorf("%w: word %d: want tenant=<name> or role=<roles>", tael.ErrInvalid, i+2)
		}
	}
	return g, nil
}

// Authorize tells the tenant of a request. authorization is the value of the Authorization header (or gRPC metadata), named is the tenant
// that the request names ("" for none). The error is ErrUnauthenticated, ErrForbidden, or a tael.ErrInvalid for a bad tenant name.
func (t *Tokens) Authorize(authorization, named string, need Role) (tenant string, err error) {
	if named != "" {
		if err := tael.CheckTenant(named); err != nil {
			return "", err
		}
	}
	if t == nil {
		return orDefault(named), nil
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrUnauthenticated
	}
	g, ok := t.byHash[sha256.Sum256([]byte(strings.TrimSpace(token)))]
	if !ok {
		return "", ErrUnauthenticated
	}
	if g.roles&need != need {
		return "", fmt.Errorf("%w: its role is not enough", ErrForbidden)
	}
	if g.tenant == "" {
		return orDefault(named), nil
	}
	if named != "" && named != g.tenant {
		return "", fmt.Errorf("%w: it belongs to another tenant than the one named", ErrForbidden)
	}
	return g.tenant, nil
}

func orDefault(tenant string) string {
	if tenant == "" {
		return tael.DefaultTenant
	}
	return tenant
}
