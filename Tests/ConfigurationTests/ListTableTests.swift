import Configuration
import Testing

@Suite("Tables that stand several times") struct ListTableTests {
    private func problems(_ text: String) -> [String] {
        do {
            _ = try ConfigurationReader.read(text: text, from: "f")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func `each is read, and its keys are its own`() throws {
        let read = try ConfigurationReader.read(
            text: """
                [[destination]]
                domains = ["a.test"]
                connections = 3
                [[destination]]
                domains = ["*"]
                """,
            from: "f"
        )
        #expect(read.destinations.map(\.connections) == [3, nil])
        #expect(read.destinations[1].domains == [.all])
    }

    @Test func `what is wrong in one of them is told with its line`() {
        let text = """
            [[destination]]
            domains = ["a.test"]
            [[destination]]
            domains = ["b.test"]
            connections = 0
            colour = "blue"
            [[destination]]
            connections = 1
            [[egress]]
            name = "x"
            addresses = ["192.0.2.1"]
            weights = [1, 2]
            """
        let found = problems(text)
        #expect(found.count == 4)
        #expect(found.contains { $0.hasPrefix("f:5: destination[2].connections: the number 0 is not") })
        #expect(
            found.contains {
                $0.hasPrefix("f:6: destination[2].colour: there is no such key in it; there are domains,")
            }
        )
        #expect(found.contains { $0.hasPrefix("f:7: destination[3]: domains has to") })
        #expect(found.contains { $0.hasPrefix("f:9: egress[1]: weights has to") })
        #expect(problems("[destination]\ndomains = []").first?.contains("[[destination]]") == true)
    }

    @Test func `a pool that is not there is no pool`() {
        let text = "[[destination]]\ndomains = [\"a.test\"]\negress = \"none\"\n"
        #expect(problems(text).first?.hasPrefix("f:3: destination[1].egress: there is no [[egress]]") == true)
    }
}
