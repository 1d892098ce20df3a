import Configuration
import MailNames
import Testing

@Suite("Assignments with --set") struct AssignmentTests {
    @Test(arguments: [
        "relay.networks=127.0.0.0/8", "relay.networks=[\"127.0.0.0/8\"]", "relay.networks=\"127.0.0.0/8\"",
        "relay.networks = 127.0.0.0/8",
    ])
    func `a list takes one value bare, or TOML`(assignment: String) throws {
        let set = try ConfigurationReader.apply([assignment], to: MartletConfiguration())
        #expect(set.relay.networks.map(\.description) == ["127.0.0.0/8"])
    }

    @Test func `commas part a list`() throws {
        let set = try ConfigurationReader.apply(["relay.networks=127.0.0.0/8, ::1"], to: MartletConfiguration())
        #expect(set.relay.networks.map(\.description) == ["127.0.0.0/8", "::1/128"])
    }

    @Test func `numbers, texts, durations and sizes are taken as they are`() throws {
        let set = try ConfigurationReader.apply(
            [
                "outbound.port=2525", "limits.message-size=1048576", "queue.retry=5s", "hostname=mail.example.test",
                "smtp.bare-newlines=normalise", "outbound.username=12", "outbound.password-file=/p",
                "smtp.clear-text-authentication=true",
            ],
            to: MartletConfiguration()
        )
        #expect(set.outbound.port == 2525)
        #expect(set.limits.messageSize == .mebibytes(1))
        #expect(set.queue.retry == .seconds(5))
        #expect(set.server.hostName?.ascii == "mail.example.test")
        #expect(set.smtp.bareNewlines == .normalise)
        #expect(set.outbound.username == "12")
        #expect(set.smtp.clearTextAuthentication)
    }

    @Test func `an assignment comes before the file`() throws {
        let read = try ConfigurationReader.read(
            text: "[outbound]\nport = 26\n",
            from: "m.toml",
            assignments: ["outbound.port=27"]
        )
        #expect(read.outbound.port == 27)
    }

    @Test(arguments: [
        ("outbound.port", "--set: outbound.port is not of the form KEY=VALUE"),
        ("outbound.prot=25", "--set: outbound.prot: there is no such key; did you mean outbound.port?"),
        (
            "recipients=25",
            "--set: recipients: there is no such key; did you mean outbound.recipients or limits.recipients?"
        ),
        ("outbound.port=0", "--set: outbound.port: the number 0 is not a number from 1 to 65535"),
        ("outbound.port=", "--set: outbound.port: the text \"\" is not a number from 1 to 65535"),
        (
            "outbound.port=25\nhostname=5",
            "--set: outbound.port: the text \"25\nhostname=5\" is not a number from 1 to 65535"
        ),
    ])
    func `a wrong assignment says what is wrong`(assignment: String, problem: String) {
        #expect(problems("", [assignment]) == [problem])
    }
}
