import MailBytes
import MailNames
import Testing

@testable import MailingLists

@Suite("The addresses of a list") struct ListAddressTests {
    @Test(arguments: [
        ("news-request", "news", ListRole.request), ("news-JOIN", "news", .subscribe),
        ("news-subscribe", "news", .subscribe), ("news-leave", "news", .unsubscribe),
        ("my-list-unsubscribe", "my-list", .unsubscribe), ("news-help", "news", .help), ("news-owner", "news", .owner),
        ("news-bounces", "news", .bounces(nil)), ("news-bounces+bob=x.test", "news", .bounces("bob=x.test")),
        ("news-bounces+a-request+b=x.test", "news", .bounces("a-request+b=x.test")),
        ("news-confirm+abc", "news", .confirm("abc")), ("news-approve+abc", "news", .approve("abc")),
        ("news-reject+abc", "news", .reject("abc")),
    ])
    func `a role is read off the end`(local: String, list: String, role: ListRole) throws {
        let found = try #require(ListRole.parse(local))
        #expect(found.list == list)
        #expect(found.role == role)
    }

    @Test(arguments: [
        "news", "news-", "-request", "news-requests", "news-confirm", "news-request+x", "news+request", "",
    ])
    func `what has no role is none`(local: String) { #expect(ListRole.parse(local) == nil) }

    @Test func `each role's address is read as that role again`() throws {
        let list = try Fixture.list("my-news@lists.test")
        let roles: [ListRole] = [
            .request, .subscribe, .unsubscribe, .help, .owner, .confirm("t0"), .approve("t1"), .reject("t2"),
            .bounces(nil), .bounces("bob=x.test"),
        ]
        for role in roles {
            let found = try #require(ListRole.parse(list.address(of: role).localPart.text))
            #expect(found.list == "my-news")
            #expect(found.role == role)
        }
        #expect(list.address(of: .post) == list.address)
    }

    @Test(arguments: [
        ("news@lists.test", true), ("my-news@lists.test", true), ("news-request@lists.test", false),
        ("news+a@lists.test", false), ("\"two words\"@lists.test", false), ("news@[192.0.2.1]", false),
        ("n\u{FC}s@lists.test", false), (String(repeating: "n", count: 41) + "@lists.test", false),
    ])
    func `a list has an address that roles can be put behind`(text: String, isOne: Bool) throws {
        #expect(ListSettings.isListAddress(try Fixture.address(text)) == isOne)
    }
}

@Suite("Variable envelope return paths") struct VariableReturnPathTests {
    @Test(arguments: [
        ("bob@example.org", "news-bounces+bob=example.org@lists.test"),
        ("bob+tag@example.org", "news-bounces+bob+tag=example.org@lists.test"),
        ("a=b@example.org", "news-bounces+a=b=example.org@lists.test"),
    ])
    func `the path tells the member`(member: String, path: String) throws {
        let base = try Fixture.list().address(of: .bounces(nil))
        let member = try Fixture.address(member)
        let made = try #require(VariableReturnPath.path(base, for: member))
        #expect(made.description == path)
        let role = try #require(ListRole.parse(made.localPart.text))
        guard case .bounces(let detail?) = role.role else {
            Issue.record("no bounce address")
            return
        }
        #expect(VariableReturnPath.recipient(detail) == member)
    }

    @Test(arguments: [
        "\"two words\"@example.org", "bob@[192.0.2.1]", "j\u{F6}rg@example.org", "\"a..b\"@example.org",
        String(repeating: "b", count: 60) + "@example.org",
    ])
    func `what does not fit into a local part has no path of its own`(member: String) throws {
        let base = try Fixture.list().address(of: .bounces(nil))
        #expect(VariableReturnPath.path(base, for: try Fixture.address(member)) == nil)
    }

    @Test(arguments: ["", "bob", "=", "bob=", "=example.org", "bob=ex ample"])
    func `what stands for nobody is nobody`(detail: String) { #expect(VariableReturnPath.recipient(detail) == nil) }

    @Test func `every path made is read back, whatever the address`() throws {
        var random = SplitMix64(seed: 7)
        let base = try Fixture.list().address(of: .bounces(nil))
        let letters = Array("abcXYZ019.!#$%&'*+-/=?^_`{|}~".utf8)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 1...30, using: &random)).map { _ in
                letters[Int.random(in: 0..<letters.count, using: &random)]
            }
            guard let member = try? EmailAddress(parsing: String(decoding: bytes, as: UTF8.self) + "@x-y.example"),
                let path = VariableReturnPath.path(base, for: member)
            else { continue }
            let again = try EmailAddress(parsing: path.description)
            #expect(again == path)
            guard case .bounces(let detail?)? = ListRole.parse(path.localPart.text)?.role else {
                Issue.record("no bounce address for \(member)")
                return
            }
            #expect(VariableReturnPath.recipient(detail) == member)
        }
    }
}
