/// The pages that are made from the table of keys.
public enum ConfigurationPages {
    /// A configuration file with every key, its meaning and its default; as it is, it sets nothing that is not the default.
    public static var sample: String {
        var text = """
            # Martlet's configuration: every key, with its default.
            # `martlet config check FILE` says everything that is wrong with a file, each with its line.
            # Domains, accounts and aliases are not set here: see `martlet domain`, `martlet account`, `martlet alias`.

            """
        for (table, sentence) in ConfigurationTable.tables {
            text += "\n" + comment(sentence)
            if !table.isEmpty { text += "[\(table)]\n" }
            for key in ConfigurationTable.keys where key.table == table {
                text += "\n" + comment(key.sentence)
                text += comment("Form: \(key.form)." + (key.needsRestart ? " A change takes a restart." : ""))
                if let value = key.defaultValue {
                    text += "\(key.name) = \(value)\n"
                } else {
                    text += "# \(key.name) = \(key.example ?? "\"\"")\n"
                }
            }
        }
        for list in ConfigurationTable.listTables {
            text += "\n" + comment(list.sentence) + "# [[\(list.name)]]\n"
            for key in list.keys {
                text += comment("\(key.sentence) Form: \(key.form).")
                text += "#   \(key.name) = \(key.example ?? "\"\"")\n"
            }
        }
        return text
    }

    /// The reference page of the documentation, in Markdown.
    public static var reference: String {
        var text = """
            # Configuration

            <!-- Made by `martlet config reference`; change Sources/Configuration/Table instead. -->

            One TOML file, read by `martlet serve --config FILE`. A key that it leaves out has its default. Unknown keys, wrong types and
            values out of their bounds are errors; `martlet config check FILE` says all of them at once, each with its line.
            `martlet config sample` prints a file with every key, and `--set KEY=VALUE` sets a key for one run.

            Changes are taken over on SIGHUP without dropping connections; keys marked ↻ take a restart. What the file sets is kept nowhere
            else. Durations are written as `"90s"`, `"5m"`, `"1h30m"` or `"5d"`, sizes as `"256KiB"` or `"50MiB"`.

            """
        for (table, sentence) in ConfigurationTable.tables {
            text += "\n## " + (table.isEmpty ? "Above all tables" : "`[\(table)]`") + "\n\n\(sentence)\n\n"
            text += "| key | default | meaning |\n| --- | --- | --- |\n"
            for key in ConfigurationTable.keys where key.table == table {
                let value = key.defaultValue.map { "`\($0)`" } ?? "none"
                let mark = key.needsRestart ? " ↻" : ""
                let form = key.form.prefix(1).uppercased() + key.form.dropFirst()
                text += "| `\(key.path)`\(mark) | \(value) | \(key.sentence) \(form). |\n"
            }
        }
        for list in ConfigurationTable.listTables {
            text += "\n## `[[\(list.name)]]`\n\n\(list.sentence)\n\n| key | example | meaning |\n| --- | --- | --- |\n"
            for key in list.keys {
                let form = key.form.prefix(1).uppercased() + key.form.dropFirst()
                text += "| `\(key.name)` | `\(key.example ?? "")` | \(key.sentence) \(form). |\n"
            }
        }
        return text
    }

    /// A sentence as comment lines of at most 100 characters.
    private static func comment(_ sentence: String) -> String {
        var lines = ["#"]
        for word in sentence.split(separator: " ") {
            if lines[lines.count - 1].count + word.count >= 100 { lines.append("#") }
            lines[lines.count - 1] += " \(word)"
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
