import Directory
import MailBytes
import SASL
import Synchronization

/// Judges bearer tokens by the key of the configuration as it is now.
final class CurrentTokens: BearerTokenValidator {
    private let tokens: Mutex<JSONWebTokens?>

    init(_ tokens: JSONWebTokens?) { self.tokens = Mutex(tokens) }

    /// Another key from now on, or none.
    func take(_ tokens: JSONWebTokens?) { self.tokens.withLock { $0 = tokens } }

    func judge(_ token: BearerToken, now: Timestamp) async -> TokenJudgement {
        guard let tokens = self.tokens.withLock({ $0 }) else { return .refused("no tokens are taken here") }
        return await tokens.judge(token, now: now)
    }
}
