import Configuration
import Directory
import Foundation
import SASL

extension ServerPlan {
    /// How people log in.
    ///
    /// - Throws: `ConfigurationError` when the file with the key of tokens is none.
    mutating func setAuthentication(_ configuration: MartletConfiguration) throws {
        clientAuthorities = configuration.tls.clientAuthorities
        let options = configuration.authentication
        mechanisms = options.mechanisms.compactMap(\.name)
        tokens = nil
        guard let file = options.tokenKey else { return }
        guard let data = FileManager.default.contents(atPath: file), data.count <= Self.largestKeyFile else {
            throw ConfigurationError("authentication.token-key", "\(file) cannot be read")
        }
        let requirements = JSONWebTokens.Requirements(
            issuer: options.tokenIssuer,
            audience: options.tokenAudience,
            claim: options.tokenClaim
        )
        do throws(JSONWebTokenError) {
            tokens = try JSONWebTokens(keyFile: Array(data), requirements: requirements)
        } catch {
            throw ConfigurationError("authentication.token-key", "\(file) \(error)")
        }
    }

    /// Octets that a file with a key may have.
    private static let largestKeyFile = 65_536
}
