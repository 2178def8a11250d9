package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/verify"
	"go.yaml.in/yaml/v3"
)

// checkTable lists the checks. Each has a heading in the page of check.
func checkTable(string, string) (string, error) {
	var b strings.Builder
	b.WriteString("| Check | Category | Passes if |\n|:---|:---|:---|\n")
	for _, c := range check.All() {
		fmt.Fprintf(&b, "| [`%s`](#%[1]s) | %s | %s |\n", c.ID, c.Category, c.Title)
	}
	return b.String(), nil
}

// questionTable lists what verify answers, with links to those that its page explains.
func questionTable(root, _ string) (string, error) {
	page, err := os.ReadFile(filepath.Join(root, folder, "userns_verify.md"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| Question | Category | Proven if |\n|:---|:---|:---|\n")
	for _, q := range verify.All() {
		id := "`" + q.ID + "`"
		if strings.Contains(string(page), "\n#### "+q.ID+"\n") {
			id = "[" + id + "](#" + q.ID + ")"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", id, q.Category, q.Title)
	}
	return b.String(), nil
}

// keyTable lists the keys of one definition in a JSON schema, in the order of the
// schema. Its argument is "SCHEMA DEFINITION"; without a definition it lists those of
// the top.
func keyTable(root, argument string) (string, error) {
	path, name, _ := strings.Cut(argument, " ")
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return "", err
	}
	var document yaml.Node // YAML keeps the order of keys, and JSON is YAML
	if err := yaml.Unmarshal(text, &document); err != nil {
		return "", err
	}
	schema := document.Content[0]
	of := schema
	if name != "" {
		of = at(schema, "definitions", name)
	}
	properties := at(of, "properties")
	if properties == nil {
		return "", errors.New("the schema has no such definition")
	}
	var required []string
	if r := at(of, "required"); r != nil {
		if err := r.Decode(&required); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	b.WriteString("| Key | Required | Value |\n|:---|:---|:---|\n")
	for i := 0; i < len(properties.Content); i += 2 {
		key := properties.Content[i].Value
		needed := ""
		if slices.Contains(required, key) {
			needed = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", key, needed, strings.ReplaceAll(described(schema, properties.Content[i+1]), "|", `\|`))
	}
	return b.String(), nil
}

// at follows keys down from a node, nil if one of them is missing.
func at(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		if n == nil {
			return nil
		}
		i := slices.IndexFunc(n.Content, func(c *yaml.Node) bool { return c.Value == key })
		if i < 0 || i+1 >= len(n.Content) {
			return nil
		}
		n = n.Content[i+1]
	}
	return n
}

// described is the description of a property, or of the definition that it refers to.
func described(schema, property *yaml.Node) string {
	if d := at(property, "description"); d != nil {
		return d.Value
	}
	if ref := at(property, "$ref"); ref != nil {
		if d := at(schema, "definitions", strings.TrimPrefix(ref.Value, "#/definitions/"), "description"); d != nil {
			return d.Value
		}
	}
	return ""
}
