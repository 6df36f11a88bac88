// What Ollama does with a chat and a Go template, by Go's own text/template: turns of one role
// joined, .System and .Messages for a template that reads .Messages, else one rendering for each
// exchange with .System, .Prompt and .Response, the last one cut behind .Response.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"text/template"
	"text/template/parse"
)

type Message struct {
	Role    string
	Content string
}

type Asked struct {
	Template string
	Messages []Message
}

type Told struct {
	Prompt string
	Error  string
}

func main() {
	var asked []Asked
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		panic(err)
	}
	told := []Told{}
	for _, one := range asked {
		prompt, err := render(one)
		if err != nil {
			told = append(told, Told{Error: err.Error()})
		} else {
			told = append(told, Told{Prompt: prompt})
		}
	}
	json.NewEncoder(os.Stdout).Encode(told)
}

func render(one Asked) (string, error) {
	made, err := template.New("").Option("missingkey=zero").Parse(one.Template)
	if err != nil {
		return "", err
	}
	system, turns := joined(one.Messages)
	var out strings.Builder
	if strings.Contains(made.Root.String(), ".Messages") {
		err := made.Execute(&out, map[string]any{"System": system, "Messages": turns, "Response": ""})
		return out.String(), err
	}
	return exchanges(made, turns)
}

func joined(turns []Message) (string, []*Message) {
	var system []string
	var found []*Message
	for i := range turns {
		if turns[i].Role == "system" {
			system = append(system, turns[i].Content)
		}
		if n := len(found); n > 0 && found[n-1].Role == turns[i].Role {
			found[n-1].Content += "\n\n" + turns[i].Content
		} else {
			found = append(found, &Message{turns[i].Role, turns[i].Content})
		}
	}
	return strings.Join(system, "\n\n"), found
}

func exchanges(made *template.Template, turns []*Message) (string, error) {
	var out strings.Builder
	var system, prompt, response string
	write := func(t *template.Template) error {
		values := map[string]any{"System": system, "Prompt": prompt, "Response": response}
		system, prompt, response = "", "", ""
		return t.Execute(&out, values)
	}
	for _, turn := range turns {
		full := response != "" || (turn.Role == "system" && prompt != "")
		if turn.Role != "assistant" && full {
			if err := write(made); err != nil {
				return "", err
			}
		}
		switch turn.Role {
		case "system":
			system = turn.Content
		case "user":
			prompt = turn.Content
		case "assistant":
			response = turn.Content
		}
	}
	seen := false
	tree := &parse.Tree{Root: cut(made.Root.CopyList(), &seen)}
	last := template.Must(template.New("").AddParseTree("", tree))
	err := write(last)
	return out.String(), err
}

// cut drops what comes behind the first action that writes .Response.
func cut(list *parse.ListNode, seen *bool) *parse.ListNode {
	if list == nil {
		return nil
	}
	var kept []parse.Node
	for _, node := range list.Nodes {
		if *seen {
			break
		}
		switch found := node.(type) {
		case *parse.IfNode:
			found.List, found.ElseList = cut(found.List, seen), cut(found.ElseList, seen)
		case *parse.WithNode:
			found.List, found.ElseList = cut(found.List, seen), cut(found.ElseList, seen)
		case *parse.RangeNode:
			found.List, found.ElseList = cut(found.List, seen), cut(found.ElseList, seen)
		case *parse.ActionNode:
			*seen = strings.Contains(found.String(), ".Response")
		}
		kept = append(kept, node)
	}
	list.Nodes = kept
	return list
}
