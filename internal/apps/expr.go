package apps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/itchyny/gojq"

	"github.com/docker-userns/docker-userns/internal/report"
)

// exprTime is how long an expression may take, whatever data it is of.
const exprTime = 2 * time.Second

// Expr is a condition in the language of jq(1), such as
//
//	.docker == "healthy" and .container_system.warm_pool_size > 0
//
// It sees the value that it is of and nothing else: no environment, no files, no
// modules.
type Expr struct {
	text string
	code *gojq.Code
}

// ParseExpr compiles an expression. "" is the one that holds always.
func ParseExpr(text string) (Expr, error) {
	if text == "" {
		return Expr{}, nil
	}
	query, err := gojq.Parse(text)
	if err != nil {
		return Expr{}, fmt.Errorf("expression %q: %w", text, err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return Expr{}, fmt.Errorf("expression %q: %w", text, err)
	}
	return Expr{text, code}, nil
}

// String is the expression as it was given.
func (e Expr) String() string { return e.text }

// None says that there is none.
func (e Expr) None() bool { return e.code == nil }

// Holds reports whether the expression gives true, once, of a value as
// encoding/json reads it. The error says what it gave instead.
func (e Expr) Holds(ctx context.Context, value any) error {
	if e.None() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, exprTime)
	defer cancel()
	results := e.code.RunWithContext(ctx, value)
	got, ok := results.Next()
	if !ok {
		return fmt.Errorf("%s gives no value", e)
	}
	if err := e.wrong(got); err != nil {
		return err
	}
	if more, ok := results.Next(); ok {
		if err, failed := more.(error); failed {
			return e.failed(err)
		}
		return fmt.Errorf("%s gives more than one value; all() or any() make one of them", e)
	}
	return nil
}

// wrong says what is wrong with a value, unless it is true.
func (e Expr) wrong(got any) error {
	switch got := got.(type) {
	case error:
		return e.failed(got)
	case bool:
		if got {
			return nil
		}
		return fmt.Errorf("%s is false", e)
	default:
		return fmt.Errorf("%s gives %s, not true or false", e, report.Beginning([]byte(gojq.Preview(got))))
	}
}

func (e Expr) failed(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s took longer than %s", e, exprTime)
	}
	return fmt.Errorf("%s: %w", e, err)
}
