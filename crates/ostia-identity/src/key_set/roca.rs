//! Keys that a well-known chip made and that can be factored (ROCA, CVE-2017-15361).
//!
//! Its primes are `k * M + (65537^a mod M)`, where `M` is a product of small primes, so the modulus is a power of 65537
//! modulo each of them. Of other moduli fewer than one in a hundred million is.

/// The primes of `M` that the published test looks at.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether a modulus (big endian) has the mark of that chip.
pub(super) fn is_of_that_chip(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| is_power(remainder(modulus, *prime), *prime))
}

fn remainder(modulus: &[u8], prime: u32) -> u32 {
    modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

/// Whether a number is a power of 65537 modulo a prime.
fn is_power(number: u32, prime: u32) -> bool {
    let generator = 65537 % prime;
    let mut power = 1;
    for _ in 0..prime {
        if power == number {
            return true;
        }
        power = power * generator % prime;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_of_powers_has_the_mark_and_its_neighbours_do_not() {
        // 65537^100 is a power of 65537 modulo everything.
        let mut number = vec![1_u8];
        for _ in 0..100 {
            let mut carry = 0_u32;
            let mut product = number.clone();
            product.extend([0, 0]);
            let length = product.len();
            for (index, byte) in product.iter_mut().enumerate().rev() {
                // number * 65536 + number, from the last byte to the first.
                let shifted = number.get(index).copied().unwrap_or(0);
                let plain = if index >= 2 { number.get(index - 2).copied().unwrap_or(0) } else { 0 };
                let sum = u32::from(shifted) + u32::from(plain) + carry;
                *byte = (sum & 0xff) as u8;
                carry = sum >> 8;
            }
            assert_eq!(length, product.len());
            if carry > 0 {
                product.insert(0, carry as u8);
            }
            number = product;
        }
        assert!(is_of_that_chip(&number));
        *number.last_mut().unwrap() ^= 2;
        assert!(!is_of_that_chip(&number));
    }
}
